import * as fs from "node:fs";
import * as path from "node:path";
import { claimAuthor } from "../resource/claim";
import type { Context } from "../resource/context";
import type { CheckOutcome } from "../resource/definition";
import { EdgeError, UnavailableHere } from "../resource/errors";
import type { Problem } from "../resource/problem";
import { isKnown, UNKNOWN, type Checked } from "../resource/unknown";
import { firmwareNames } from "./appliance";
import { baseImageOf, pinned, type BaseImage } from "./baseImage";
import type { ApplianceInputs } from "./applianceImage.schema";
import type { Builder } from "./builder";
import type { KnownCheckout } from "./checkout";
import { readHere, userDataFile, type GivenUserData } from "./localText";
import { publicationProblems } from "./isoPublication";
import { DEFAULT_TARGETS, planBuild, publishable, withBase, type Given } from "./plan";
import { prerequisiteProblems } from "./prerequisites";
import { judgeBuild } from "./rules";
import { tellOfUnmirrored } from "./mirror";
import { userDataFindings, userDataTextFindings, type UserDataFindings } from "./userData.text";

type CanvosContext = Context<Builder>;
type Last = Partial<ApplianceInputs> | undefined;

const DERIVED = [
    "commit",
    "baseImage",
    "inputHash",
    "references",
    "systemUri",
    "profileValues",
    "pulledImages",
    "firmware",
    "generation",
] as const satisfies readonly (keyof ApplianceInputs)[];

type Derived = Partial<Checked<Pick<ApplianceInputs, (typeof DERIVED)[number] | "intact" | "isoIntact">>>;
const INTACT = { intact: true, isoIntact: true } as const;

/** Rules over the checked-out tree, all at once, and what the images will be called. */
export async function checkAppliance(
    inputs: Checked<ApplianceInputs>,
    context: CanvosContext,
    fromState: Last,
): Promise<CheckOutcome<ApplianceInputs>> {
    const problems: Problem[] = [];
    const { source, userData } = inputs;
    if (userData !== undefined && isKnown(userData))
        problems.push(...(await judgeUserData(userData, context)));
    if (!isKnown(source)) return { problems, values: unknownValues() };
    const row = claimAuthor(context.newClaim());
    const last = await context.ifAvailable(async () => context.client.lastOf(row, fromState), fromState);
    const known = await lookAtSource(source, last, context);
    if (known === undefined) return { problems, values: lastValues(last) };
    if ("problem" in known) return { problems: [...problems, known.problem] };
    const told = tellOfMove(source, known.commit, context);
    try {
        return await judged(inputs, known, context, last, problems);
    } finally {
        await told;
    }
}

async function judged(
    inputs: Checked<ApplianceInputs>,
    known: KnownCheckout,
    context: CanvosContext,
    last: Last,
    problems: Problem[],
): Promise<CheckOutcome<ApplianceInputs>> {
    const given = knownInputs(inputs);
    if (given === undefined) return { problems, values: { ...unknownValues(), commit: known.identity } };
    const base = await baseImageOf(given, known, context);
    if ("message" in base) problems.push(base);
    const plain = withBase(given.arguments, "message" in base ? "" : base.reference);
    problems.push(
        ...judge({ ...given, arguments: plain }, known, context),
        ...judgePublication(inputs, given, context),
    );
    if (problems.length > 0 || "message" in base) return { problems };
    const reference = await context.ifAvailable(() => pinned(base, last, context), undefined);
    if (reference === undefined) return { problems, values: lastValues(last) };
    if (typeof reference !== "string") return { problems: [reference] };
    const values = await context.ifAvailable(
        () => plannedValues(given, known, { ...base, reference }, context, { last, push: inputs.push }),
        lastValues(last),
    );
    if (!context.preview && typeof values.inputHash === "string") context.client.wanted.add(values.inputHash);
    return { problems, values };
}

/** A commit that cannot be had here is missing here; a folder that is no checkout is a mistake. */
async function lookAtSource(
    source: ApplianceInputs["source"],
    last: Last,
    context: CanvosContext,
): Promise<KnownCheckout | { problem: Problem } | undefined> {
    const before =
        last?.source !== undefined && last.commit !== undefined
            ? { source: last.source, commit: last.commit }
            : undefined;
    try {
        return await context.ifAvailable(() => context.client.checkout(source, before, context), undefined);
    } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof EdgeError) || error instanceof UnavailableHere) throw error;
        return { problem: { path: ["source"], message: error.message } };
    }
}

async function tellOfMove(
    source: ApplianceInputs["source"],
    commit: string,
    context: CanvosContext,
): Promise<void> {
    const moved = await context.client.movedTo(source, commit, context);
    if (moved === undefined || !("git" in source)) return;
    context.log.warn(
        `${source.ref} of ${source.git} has moved: it is ${moved} now, and ${commit} is what is built, as before. To build ` +
            `the new one, give ref: "${moved}", or track: true to follow it`,
    );
}

function judge(given: Given, { checkout }: KnownCheckout, context: CanvosContext): Problem[] {
    const { problems, warnings } = judgeBuild(
        {
            arguments: given.arguments,
            targets: given.targets ?? DEFAULT_TARGETS,
            ...(given.edgeAppliance ? { edgeAppliance: firmwareNames(given.edgeAppliance) } : {}),
            hasUserData: given.userData !== undefined,
            ...(given.exactTag === undefined ? {} : { exactTag: given.exactTag }),
        },
        { ...checkout, hasSecureBootKeys: Object.keys(given.files ?? {}).some(isSecureBoot) },
    );
    if (given.exactTag === true) {
        warnings.push({
            path: ["exactTag"],
            message:
                "the tag says nothing of what was built: a changed build is made under the same name, and refused when it is pushed, " +
                "as long as the registry has the other one",
        });
    }
    for (const { path: where, message } of warnings) context.log.warn(`${where.join(".")} ${message}`);
    return [...problems, ...missingFiles(given), ...emptyBundles(given, context.projectDir)];
}

function isSecureBoot(place: string): boolean {
    return /^secure-boot(?:\/|$)/.test(place);
}

function judgePublication(
    { publish }: Checked<ApplianceInputs>,
    given: Given,
    { projectDir }: CanvosContext,
): Problem[] {
    if (!isKnown(publish)) return [];
    try {
        return publicationProblems(publish, publishable(given, projectDir));
    } catch (error) {
        // That the file of the user-data is not here is told where it is read.
        if (error instanceof UnavailableHere) return [];
        throw error;
    }
}

/** CanvOS copies these files if they exist, and says nothing if they do not. */
function missingFiles({ arguments: { clusterConfig, edgeCustomConfig }, files = {} }: Given): Problem[] {
    return Object.entries({ clusterConfig, edgeCustomConfig }).flatMap(([field, file]) =>
        file === undefined || file in files
            ? []
            : [
                  {
                      path: ["arguments", field],
                      message: `names ${file}, which is not there: give it in files as { "${file}": "path of yours" }. CanvOS would leave it out without a word`,
                  },
              ],
    );
}

/** CanvOS takes `*.zst` of a content bundle, and nothing else of it. */
function emptyBundles({ files = {} }: Given, projectDir: string): Problem[] {
    return Object.entries(files).flatMap(([place, from]) => {
        const folder = path.resolve(projectDir, from);
        if (!/^content-[^/]+$/.test(place) || !fs.existsSync(folder)) return [];
        const names = fs.statSync(folder).isDirectory() ? fs.readdirSync(folder) : [];
        if (names.some((name) => name.endsWith(".zst"))) return [];
        const message = `${from} is no folder with *.zst in it: CanvOS would put nothing of it into the ISO, and say nothing`;
        return [{ path: ["files", place], message }];
    });
}

async function judgeUserData(userData: GivenUserData, context: CanvosContext): Promise<Problem[]> {
    const findings = await context.ifAvailable(
        () => Promise.resolve(userDataFindingsOf(userData, context.projectDir)),
        { problems: [], warnings: [] },
    );
    for (const { path: where, message } of findings.warnings) {
        context.log.warn(`${["userData", ...where].map(String).join(".")} ${message}`);
    }
    return findings.problems.map(({ path: where, message }) => ({ path: ["userData", ...where], message }));
}

function userDataFindingsOf(userData: GivenUserData, projectDir: string): UserDataFindings {
    if (typeof userData === "string") return userDataTextFindings(userData);
    const file = userDataFile(userData);
    return file === undefined
        ? userDataFindings(userData)
        : userDataTextFindings(readHere(file, projectDir, "userData.file"));
}

/** Without those that are only known in an update; they decide what is built, so that nothing of it is known. */
function knownInputs(inputs: Checked<ApplianceInputs>): Given | undefined {
    const names = [
        "arguments",
        "targets",
        "overlay",
        "files",
        "dockerfile",
        "userData",
        "edgeAppliance",
        "exactTag",
    ] as const;
    if (names.some((name) => !isKnown(inputs[name]))) return undefined;
    return Object.fromEntries(names.map((name) => [name, inputs[name]])) as unknown as Given;
}

async function plannedValues(
    given: Given,
    known: KnownCheckout,
    base: BaseImage,
    context: CanvosContext,
    { last, push }: { last: Last } & Pick<Checked<ApplianceInputs>, "push">,
): Promise<Derived> {
    const { client, projectDir, log } = context;
    const { settings, cache } = client;
    const around = { projectDir, settings, cache, base };
    const plan = async (generation: number): Promise<Derived> => {
        const { plan: planned, ...told } = await planBuild(given, known, { ...around, generation });
        const { inputHash } = planned;
        // What stands in the way of a build matters where there will be one, and not to whoever only reviews it.
        if (context.preview && inputHash !== last?.inputHash) {
            const missing = await prerequisiteProblems(planned, client, context, { pushes: push !== false });
            for (const each of missing) log.warn(`to build: ${each}`);
            await tellOfUnmirrored(told.pulledImages, given.arguments, client, context);
        }
        return {
            ...{ commit: known.identity, baseImage: base.reference, inputHash, generation, ...INTACT },
            references: planned.makes.providerImages ? planned.names.providers : {},
            ...told,
        };
    };
    const generation = last?.generation ?? 0;
    const same = await plan(generation);
    if (last?.intact !== false || last.inputHash !== same.inputHash) return same;
    const isIsoNeeded = last.isoIntact === false;
    const isHere =
        (await isStillHere(Object.values(last.references ?? {}), client)) &&
        !(isIsoNeeded && !client.hasBuild(last.inputHash ?? ""));
    if (isHere) return same;
    log.warn(
        "images or the ISO are gone from where they were brought to, and from this machine: they are built again, which never " +
            "gives the same bytes, and so under new tags. Clusters whose profile takes the new system.uri are repaved",
    );
    return plan(generation + 1);
}

async function isStillHere(references: readonly string[], { docker }: Builder): Promise<boolean> {
    try {
        const ids = await Promise.all(references.map((each) => docker.imageId(each, { timeLimit: 10_000 })));
        return ids.every((id) => id !== undefined);
    } catch {
        return false;
    }
}

function unknownValues(): Derived {
    return { ...Object.fromEntries(DERIVED.map((name) => [name, UNKNOWN])), ...INTACT };
}

function lastValues(last: Last): Derived {
    return { ...Object.fromEntries(DERIVED.map((name) => [name, last?.[name] ?? UNKNOWN])), ...INTACT };
}
