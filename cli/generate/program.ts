import { code, literal, wrapped, type Code } from "./typescript";
import type { NamedPlan, ProgramPlan, Resource } from "./plan";
import { safeName } from "./names";

/** A file of the program, by its path in the program's folder. */
export type Files = Map<string, string>;

const MAX_LEFT_LINES = 50;

/** Declared once, and given to every resource. */
export const KEPT = `/** Nothing here is deleted by accident: take protect out of what this program shall be free to delete. */
const kept = { protect: true };`;

/** The text of index.ts, and the certificates it names. */
export function programFiles(plan: ProgramPlan, connection: string | undefined): Files {
    const files: Files = new Map();
    const common = connection === undefined ? {} : { connection };
    const parts = [
        header(plan),
        KEPT,
        ...regionsCode(plan, common),
        ...sitesCode(plan, common),
        ...profilesCode(plan, common, files),
        ...fleetCode(plan, common),
        ...hostsCode(plan, common),
    ];
    files.set("index.ts", `${parts.join("\n\n")}\n`);
    return files;
}

function header({ installation, left, csvHosts }: ProgramPlan): string {
    const { project, endpoint } = installation;
    const lines = [
        `What is in EMF project ${JSON.stringify(project)} at ${endpoint}, written by edge-os emf generate.`,
        "Everything here is there already: the first up takes it over and writes nothing but its claims.",
    ];
    const comment = heading(lines, left);
    const imports =
        csvHosts.length > 0
            ? [
                  'import type * as pulumi from "@pulumi/pulumi";',
                  'import { components, emf } from "pulumi-edge-os";',
              ]
            : ['import { emf } from "pulumi-edge-os";'];
    return [...comment, ...imports].join("\n");
}

/** The comment on top: what the program is, and what it leaves. */
export function heading(lines: readonly string[], left: ProgramPlan["left"]): string[] {
    const all = [...lines];
    if (left.length > 0) {
        all.push("", "Not taken over:");
        for (const { what, why } of left.slice(0, MAX_LEFT_LINES)) all.push(`- ${what}: ${why}`);
        if (left.length > MAX_LEFT_LINES) all.push(`- and ${left.length - MAX_LEFT_LINES} more`);
    }
    return all.flatMap((line) => wrapped(line, 106)).map((line) => `// ${line}`.trimEnd());
}

function regionsCode({ regions, sites }: ProgramPlan, common: object): string[] {
    const used = new Set([
        ...regions.map(({ args }) => args.parent),
        ...sites.map(({ args }) => args.regionId),
    ]);
    const variables = new Map(regions.map(({ id, variable }) => [id, code(`${variable}.resourceId`)]));
    return regions.map(({ id, name, args, variable }) => {
        const { parent, ...rest } = args;
        const inputs = { ...common, ...rest, ...withReference("parent", parent, variables) };
        const declared = used.has(id) ? `const ${variable} = ` : "";
        return `${declared}new emf.Region(${literal(name)}, ${literal(ordered(inputs))}, kept);`;
    });
}

function sitesCode({ sites, regions }: ProgramPlan, common: object): string[] {
    if (sites.length === 0) return [];
    const variables = new Map(regions.map(({ id, variable }) => [id, code(`${variable}.resourceId`)]));
    return [
        record("sites", sites, "emf.Site", ({ regionId, ...rest }) =>
            ordered({ ...common, ...rest, ...withReference("regionId", regionId, variables) }),
        ),
    ];
}

function profilesCode({ osProfiles }: ProgramPlan, common: object, files: Files): string[] {
    if (osProfiles.length === 0) return [];
    const certificates = new Map<string, string>();
    return [
        record("profiles", osProfiles, "emf.OsProfile", ({ tlsCaCert, ...rest }, { name }) => {
            const certificate = String(tlsCaCert);
            if (certificate === "") return ordered({ ...common, ...rest, tlsCaCert });
            const file = certificates.get(certificate) ?? `certificates/${safeName(name)}.pem`;
            certificates.set(certificate, file);
            files.set(file, Buffer.from(certificate, "base64").toString("utf8"));
            return ordered({ ...common, ...rest, tlsCaCert: file });
        }),
    ];
}

/** `const sites = { "store-17": new emf.Site(…) };`: keys are what a CSV says. */
export function record(
    variable: string,
    resources: readonly NamedPlan[],
    type: string,
    inputs: (args: Resource["args"], resource: NamedPlan) => object,
): string {
    const entries = resources.map(
        (resource) =>
            `    ${literal(resource.key)}: new ${type}(${literal(resource.name)}, ` +
            `${literal(inputs(resource.args, resource), 1)}, kept),`,
    );
    return [`const ${variable} = {`, ...entries, "};"].join("\n");
}

function fleetCode(plan: ProgramPlan, common: object): string[] {
    const { csvHosts, sites, osProfiles } = plan;
    if (csvHosts.length === 0) return [];
    const looked = [
        ["site", "sites", "emf.Site", "resourceId", sites] as const,
        ["osProfile", "profiles", "emf.OsProfile", "name", osProfiles] as const,
    ].filter(([, , , , resources]) => resources.length > 0);
    const lookUps = looked.map(
        ([input, variable, type]) =>
            `    const ${input} = (${variable} as Record<string, ${type} | undefined>)[String(props.${input})];`,
    );
    const values = looked.map(([input, , , property]) => `${input}: ${input}?.${property} ?? props.${input}`);
    const transformation = `/** A cell that names a resource of this program means that resource, so that a host is deleted before it. */
const ownResources: pulumi.ResourceTransformation = ({ props, opts }) => {
    if (!("osProfile" in props)) return undefined;
${lookUps.join("\n")}
    const own = { ${values.join(", ")} };
    return { props: { ...props, ...own }, opts };
};`;
    const own = looked.length > 0;
    const options = own ? "{ ...kept, transformations: [ownResources] }" : "kept";
    const inputs = {
        ...common,
        csv: "hosts.csv",
        until: "registered",
        maxFailed: csvHosts.length,
        adopt: true,
    };
    return [
        ...(own ? [transformation] : []),
        `// until and maxFailed: the machines are taken over as they are, and none is waited for. Take both out to wait.
const hosts = new components.HostFleet(
    "hosts",
    ${literal(inputs, 1)},
    ${options},
);

export const summary = hosts.summary;`,
    ];
}

function hostsCode(plan: ProgramPlan, common: object): string[] {
    const { otherHosts, sites, osProfiles, text } = plan;
    const resources = new Map<string, Code>([
        ...sites.map(({ id, key }) => [id, code(`sites[${literal(key)}].resourceId`)] as const),
        ...osProfiles.map(({ id, key }) => [id, code(`profiles[${literal(key)}].name`)] as const),
    ]);
    const named = (id: unknown): unknown => (typeof id === "string" ? (text.get(id) ?? id) : id);
    return otherHosts.map(({ name, args, note }) => {
        const { site, osProfile, localAccount, customConfigs, ...rest } = args;
        const inputs = ordered({
            ...common,
            ...rest,
            ...withReference("site", site, resources, named),
            ...withReference("osProfile", osProfile, resources, named),
            ...(localAccount === undefined ? {} : { localAccount: named(localAccount) }),
            ...(Array.isArray(customConfigs) ? { customConfigs: customConfigs.map(named) } : {}),
        });
        const comment = note === undefined ? [] : wrapped(`Not all of it is managed here: ${note}`, 106);
        return [
            ...comment.map((line) => `// ${line}`),
            `new emf.EdgeHost(${literal(name)}, ${literal(inputs)}, kept);`,
        ].join("\n");
    });
}

/** The program's own resource where it has the object, else the object's name or id. */
function withReference(
    input: string,
    id: unknown,
    own: ReadonlyMap<string, Code>,
    named: (id: unknown) => unknown = (given) => given,
): object {
    return typeof id === "string" ? { [input]: own.get(id) ?? named(id) } : {};
}

/** `adopt` comes last: it is not about the object. */
function ordered(inputs: object): object {
    const { adopt, ...rest } = inputs as Record<string, unknown>;
    return { ...rest, adopt };
}
