import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Context } from "../resource/context";
import { defineResource } from "../resource/definition";
import { type Checked, isKnown, UNKNOWN } from "../resource/unknown";
import { announceBootTest, type BootResult, bootResult, bootTest, runBootTest } from "./bootTest";
import { isError } from "./check";
import { changesSincePublished } from "./diskImage.changelog";
import { imageTraits, judge, problemsOf, shownChecks, valuesOf, withCertificates } from "./diskImage.judge";
import { publication, publishedUrl } from "./diskImage.publish";
import { imageSource, inspectImageSource } from "./diskImage.source";
import { contentExpectations, expectations } from "./expect.schema";
import { publishedName } from "./format";
import { type ImageLibrary, imageSystem } from "./library";
import { type ImageManifest, MANIFEST_SUFFIX, manifestOf, writeManifest } from "./manifest";
import { progressLine } from "./progressLine";
import { thisMachine } from "./publish/directory";
import { leaveInPlace } from "./publish/leave";
import type { Publisher } from "./publish/publisher";
import { findingsOf, sortChecks, titleOf } from "./report";
import { formatSize } from "./size";
import { locate } from "./source/location";

const HOUR = 60 * 60_000;

const inputs = z.object({
    // What counts is what the file holds; `sha256` follows from it.
    source: imageSource.meta({ control: true }),
    publish: publication,
    expect: expectations.optional().meta({ control: true }),
    bootTest: bootTest.optional(),

    url: z.string().meta({ derived: true }),
    fileName: z.string().meta({ derived: true }),
    sha256: z.string().meta({ derived: true, replaces: true }),
    sizeBytes: z.number().meta({ derived: true }),
    format: z.enum(["raw", "qcow2"]).meta({ derived: true }),
    compression: z.enum(["none", "gz", "xz", "bz2", "zst"]).meta({ derived: true }),
    virtualSizeBytes: z.number().meta({ derived: true }),
    partitions: z
        .array(z.object({ index: z.number(), name: z.string(), type: z.string(), sizeBytes: z.number() }))
        .meta({ derived: true }),
    // A newer version of this package may look at more; that alone is no change of the image.
    checksPassed: z.number().meta({ derived: true, control: true }),
    checks: shownChecks.meta({ derived: true, control: true }),
    report: z.string().meta({ derived: true, control: true }),
    traits: imageTraits.meta({ derived: true, control: true }),
});

const outputs = z.object({
    claim: z.string(),
    /** Tells "removed" from "not here": the directory may be on another machine's disk. */
    machine: z.string(),
    changelog: z.string().optional(),
    bootResult: bootResult.optional(),
});

type Inputs = z.output<typeof inputs>;
type ImageContext = Context<ImageLibrary>;

const FROM_FILE = [
    "fileName",
    "sha256",
    "sizeBytes",
    "format",
    "compression",
    "virtualSizeBytes",
    "partitions",
    "checksPassed",
    "checks",
    "report",
    "traits",
] as const satisfies readonly (keyof Inputs)[];

export const diskImage = defineResource({
    kind: "image.DiskImage",
    system: imageSystem,
    inputs,
    outputs,
    timeouts: { check: HOUR, create: HOUR, update: HOUR, read: HOUR },

    async check({ source, publish, expect, bootTest: boot }, context, last) {
        if (!isKnown(source)) return { values: withUrl(unknownValues(), publish) };
        const wanted = isKnown(expect) ? withCertificates(expect, context.projectDir) : {};
        if ("problems" in wanted) return { problems: wanted.problems };
        const asked = { digest: wanted.expect?.sha256, expect: contentExpectations(wanted.expect) };
        const seen = await context.ifAvailable(() => inspectImageSource(source, asked, context), undefined);
        if (!seen) return { values: withUrl(lastValues(last), publish) };
        if ("problem" in seen) return { problems: [seen.problem] };

        const { inspection, name } = seen;
        const checks = judge(name, seen, wanted.expect);
        const warnings = findingsOf(sortChecks(checks).warnings).map(
            (finding) => `\n  - ${titleOf(finding)}: ${finding.message}`,
        );
        if (warnings.length > 0) context.log.warn(`${name}:${warnings.join("")}`);
        // The same bytes from a file of another name stay where hosts know them.
        const isSame = last?.sha256 === inspection.sha256 && last.fileName !== undefined;
        const isTested = isSame && isDeepStrictEqual(last.bootTest, boot);
        if (context.preview && boot && isKnown(boot) && !isTested) announceBootTest(boot, context);
        const fileName = isSame ? last.fileName : publishedName(name, inspection);
        return {
            problems: problemsOf(checks.filter(isError)),
            values: withUrl({ fileName, ...valuesOf(name, inspection, checks) }, publish),
        };
    },

    async create(image, context) {
        const claim = context.newClaim();
        const boot = await testBoot(image, context);
        const changelog = await putInPlace(image, claim, context);
        return {
            id: `sha256:${image.sha256}`,
            outputs: {
                ...{ claim, machine: thisMachine() },
                ...(changelog === undefined ? {} : { changelog }),
                ...boot,
            },
        };
    },

    async read(_id, { inputs: image, outputs: { machine } }, context) {
        const publisher = publisherOf(image, context);
        const found = await publisher.look(image, progressLine(context, "reading"));
        switch (found.state) {
            case "there":
                return {};
            case "changed":
                return { inputs: { sha256: found.sha256, sizeBytes: found.sizeBytes } };
            case "cannot-tell":
                context.log.warn(found.why);
                return {};
            case "absent":
                if (publisher.isReachable || machine === thisMachine()) return undefined;
                context.log.warn(
                    `${publisher.describe(image)} is not on this machine, and the image was published from another one: whether it is still there cannot be told here`,
                );
                return {};
        }
    },

    async update(_id, { inputs: before, outputs: { claim, machine, bootResult: last } }, image, context) {
        const boot = await testBoot(image, context, last);
        await putInPlace(image, claim, context);
        const old = publisherOf(before, context).describe(before);
        if (old !== publisherOf(image, context).describe(image)) {
            await letGo(before, { claim, machine }, context);
        }
        return { outputs: { claim, machine: thisMachine(), ...boot } };
    },

    async delete(_id, { inputs: image, outputs }, context) {
        await letGo(image, outputs, context);
    },
});

/** Before anything is published, so that an image that does not boot is nowhere. */
async function testBoot(
    image: Inputs,
    context: ImageContext,
    last?: BootResult,
): Promise<{ bootResult?: BootResult }> {
    const { architecture } = image.traits;
    if (!image.bootTest) return {};
    return { bootResult: await runBootTest({ ...image, architecture }, image.bootTest, context, last) };
}

/** The file stays unless the program says otherwise. */
async function letGo(
    image: Inputs,
    { claim, machine }: z.output<typeof outputs>,
    context: ImageContext,
): Promise<void> {
    const publisher = publisherOf(image, context);
    const { signal } = context;
    if (image.publish.onDelete !== "remove") {
        await leaveInPlace(publisher, image, claim, context);
        return;
    }
    if (!publisher.isReachable && machine !== thisMachine()) {
        const { state } = await publisher.look(image, progressLine(context, "reading"));
        if (state === "absent") {
            context.log.warn(
                `${publisher.describe(image)} is not on this machine, and the image was published from another one: remove it there`,
            );
        }
    }
    await publisher.release(image, claim, { signal, onRelease: "remove" });
}

/** Publishes the image with its manifest; the answer is what has changed since the version before, where that is known. */
async function putInPlace(image: Inputs, claim: string, context: ImageContext): Promise<string | undefined> {
    const { fileName, sha256, sizeBytes } = image;
    const manifest = await manifestFor(image, context);
    const publisher = publisherOf(image, context);
    const outcome = await publisher.put({
        source: context.client.bytes(locate(image.source, context.projectDir)),
        ...{ fileName, sha256, sizeBytes, claim },
        ...(manifest ? { extras: [{ suffix: MANIFEST_SUFFIX, bytes: writeManifest(manifest) }] } : {}),
        ...progressLine(context, "publishing"),
    });
    const size = formatSize(sizeBytes);
    const done = outcome === "published" ? `${size} published` : `${size} already published`;
    context.progress(`${image.checksPassed} checks passed, ${done}`);
    return manifest && changesSincePublished(manifest, publisher, context);
}

/** Of the image as it was checked; the reading of an unchanged file is remembered. */
async function manifestFor(image: Inputs, context: ImageContext): Promise<ImageManifest | undefined> {
    const wanted = withCertificates(image.expect, context.projectDir);
    if ("problems" in wanted) return undefined;
    const asked = { digest: wanted.expect?.sha256, expect: contentExpectations(wanted.expect) };
    const seen = await inspectImageSource(image.source, asked, context);
    if ("problem" in seen || seen.inspection.sha256 !== image.sha256) return undefined;
    return manifestOf(seen.inspection, image.fileName);
}

function publisherOf({ publish }: Inputs, context: ImageContext): Publisher {
    return context.client.publisher(publish, context.projectDir);
}

type FromFile = Partial<Checked<Pick<Inputs, (typeof FROM_FILE)[number]>>>;

function unknownValues(): FromFile {
    return Object.fromEntries(FROM_FILE.map((name) => [name, UNKNOWN]));
}

/** Where the file is not at hand: what it was when it last was. */
function lastValues(last: Partial<Inputs> | undefined): FromFile {
    return Object.fromEntries(FROM_FILE.map((name) => [name, last?.[name] ?? UNKNOWN]));
}

function withUrl(values: FromFile, publish: Checked<Inputs>["publish"]): Partial<Checked<Inputs>> {
    const { fileName, sha256, sizeBytes } = values;
    const isFileKnown =
        typeof fileName === "string" && typeof sha256 === "string" && typeof sizeBytes === "number";
    const isPlaced = isKnown(publish) && isFileKnown;
    return { ...values, url: isPlaced ? publishedUrl(publish, { fileName, sha256, sizeBytes }) : UNKNOWN };
}
