import * as crypto from "node:crypto";
import * as path from "node:path";
import type { Problem } from "../resource/problem";
import { oneOf } from "../resource/problem";
import type { CheckoutFolder } from "./baseImage.folder";
import type { CheckedBaseBuild } from "./baseImage.schema";

/** What Dockerfiles of CanvOS's folders ask for as a secret, by its id. */
export const BASE_SECRETS = [
    "pro-attach-config",
    "RHSM_USERNAME",
    "RHSM_PASSWORD",
    "rhsm-credentials",
    "SUSE_REGCODE",
] as const;
export type BaseSecret = (typeof BASE_SECRETS)[number];

/** How a base image is built from a folder of the checkout. */
export interface BasePlan {
    /** Its tag follows from what it is built of. */
    reference: string;
    /** Relative to the checkout. */
    context: string;
    dockerfile: string;
    /** The Dockerfile's text where it is not built as it stands. */
    text?: string;
    buildArgs: Readonly<Record<string, string>>;
    platform?: string;
    secrets: readonly BaseSecret[];
}

export interface BaseSurroundings {
    osVersion: string;
    arch: string;
    imageRegistry: string;
}

const AT = ["arguments", "baseImage"];

/** What is built, under which name; or why it cannot be. */
export async function planBase(
    given: CheckedBaseBuild,
    folder: CheckoutFolder,
    around: BaseSurroundings,
): Promise<BasePlan | Problem> {
    const version = given.version ?? around.osVersion;
    const dockerfile = chooseDockerfile(given, folder.names, version);
    if (typeof dockerfile !== "string") return dockerfile;
    const original = await folder.text(dockerfile);
    const context = contextOf(dockerfile, original);
    const missing = copied(original).filter(
        (source) => !folder.names.some((name) => isAt(name, path.posix.join(context, source))),
    );
    if (missing.length > 0) {
        return {
            path: [...AT, "build"],
            message:
                `${dockerfile} copies ${missing.join(", ")}, which the checkout does not have: the script of that folder takes it from the ` +
                `machine that it runs on. Build the image there and give its name, or give these in files, as "${context}/${missing[0] ?? ""}"`,
        };
    }
    const text = withSecretMounts(original);
    const asked = [
        ...new Set([...text.matchAll(/--mount=type=secret,[^\s]*\bid=([\w-]+)/g)].map((m) => m[1] ?? "")),
    ];
    const unknown = asked.filter((id) => !(BASE_SECRETS as readonly string[]).includes(id));
    if (unknown.length > 0) {
        const message = `${dockerfile} asks for the secret ${unknown.join(", ")}, for which there is no setting: build the image yourself, and give its name`;
        return { path: [...AT, "build"], message };
    }
    const { buildArgs = {} } = given;
    const hash = crypto.createHash("sha256");
    const args = Object.entries(buildArgs).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(JSON.stringify([dockerfile, context, args, around.arch, await folder.digest(context), text]));
    const repository = given.repository ?? `${around.imageRegistry}/${given.build}`;
    const name = version === "" ? "" : `${version}-`;
    return {
        reference: `${repository}:${name}${hash.digest("hex").slice(0, 16)}`,
        ...{ context, dockerfile, buildArgs, secrets: asked as BaseSecret[] },
        ...(text === original ? {} : { text }),
        ...(around.arch === "" ? {} : { platform: `linux/${around.arch}` }),
    };
}

function chooseDockerfile(
    { build, dockerfile }: CheckedBaseBuild,
    names: readonly string[],
    version: string,
): string | Problem {
    const all = names.filter((name) => /(?:^|\/)Dockerfile[^/]*$/.test(name));
    const shown = all.map((name) => name.slice(build.length + 1));
    if (all.length === 0) {
        const message = `the checkout has no folder ${build} with a Dockerfile in it`;
        return { path: [...AT, "build"], message };
    }
    if (dockerfile !== undefined) {
        const named = `${build}/${dockerfile}`;
        if (all.includes(named)) return named;
        return {
            path: [...AT, "dockerfile"],
            message: `is not in ${build} of the checkout: it has ${oneOf(shown)}`,
        };
    }
    const [major = ""] = version.split(".");
    // As the folders name them: by a folder of the version, by the version at the end, or one for all.
    const forms = [
        new RegExp(`^${build}/${version}/Dockerfile[^/]*$`),
        ...[version, major].map((each) => new RegExp(`^${build}/Dockerfile\\.[a-z]+${each}$`)),
        new RegExp(`^${build}/Dockerfile$`),
    ];
    for (const form of forms) {
        const found = all.filter((name) => form.test(name));
        if (found.length === 1 && found[0] !== undefined) return found[0];
    }
    return {
        path: [...AT, "version"],
        message: `${build} of the checkout has no Dockerfile for ${version || "no version"}: it has ${oneOf(shown)}. Give version, or dockerfile`,
    };
}

/** The Dockerfile's own folder, unless it copies from it by its name. */
function contextOf(dockerfile: string, text: string): string {
    const folder = path.posix.dirname(dockerfile);
    const name = path.posix.basename(folder);
    return copied(text).some((source) => source.startsWith(`${name}/`)) ? path.posix.dirname(folder) : folder;
}

/** What a Dockerfile takes from its context, without what a variable decides. */
function copied(text: string): string[] {
    return instructions(text).flatMap((line) => {
        const [, rest] = /^\s*(?:COPY|ADD)\s+(.*)$/is.exec(line) ?? [];
        if (rest === undefined || rest.includes("--from=")) return [];
        const words = rest.split(/[\s\\]+/).filter((word) => word !== "" && !word.startsWith("--"));
        return words
            .slice(0, -1)
            .filter((word) => !/[$"]|^https?:/.test(word))
            .map((word) =>
                word
                    .replace(/[*?[].*$/, "")
                    .replace(/^(?:\.?\/)+/, "")
                    .replace(/\/+$/, ""),
            )
            .filter((word) => word !== "" && word !== ".");
    });
}

function isAt(name: string, source: string): boolean {
    // A pattern is looked for by what stands before it.
    return name.startsWith(source) || source.startsWith(`${name}/`);
}

/** A Dockerfile's instructions with their lines that go on. */
function instructions(text: string): string[] {
    return text.match(/^(?:[^\n]*\\\n)*[^\n]*$/gm) ?? [];
}

/**
 * Older Dockerfiles take the login to Red Hat as build arguments, which stay readable in the history of the image: they
 * are given the same as secrets of the build.
 */
function withSecretMounts(text: string): string {
    if (!/^\s*ARG\s+PASSWORD\s*$/m.test(text)) return text;
    const NAMES = [
        ["USERNAME", "RHSM_USERNAME"],
        ["PASSWORD", "RHSM_PASSWORD"],
    ] as const;
    return instructions(text)
        .filter((line) => !/^\s*ARG\s+(?:USERNAME|PASSWORD)\s*$/.test(line))
        .map((line) => {
            const used = NAMES.filter(([name]) => new RegExp(`\\$\\{?${name}\\b`).test(line));
            if (!/^\s*RUN\s/.test(line) || used.length === 0) return line;
            const mounts = used.map(([, id]) => `--mount=type=secret,id=${id}`).join(" ");
            return used
                .reduce(
                    (changed, [name, id]) =>
                        changed.replace(
                            new RegExp(`"?\\$(?:\\{${name}\\}|${name}\\b)"?`, "g"),
                            () => `"$(cat /run/secrets/${id})"`,
                        ),
                    line,
                )
                .replace(/^(\s*RUN\s+)/, `$1${mounts} `);
        })
        .join("\n");
}
