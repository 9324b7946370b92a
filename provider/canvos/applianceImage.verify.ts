import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { sortChecks } from "../image/report";
import type { Context } from "../resource/context";
import type { ApplianceInputs, ApplianceOutputs, Durations } from "./applianceImage.schema";
import type { BuildPlan } from "./build.plan";
import type { BuildResult } from "./build.types";
import type { Builder } from "./builder";
import { expectationsOf } from "./expectations";
import { smokeTest } from "./smokeTest";
import { smokeTestOptions } from "./smokeTest.schema";
import { assertVerified, verificationMarkdown, verifyBuild } from "./verify";
import { verifyDisks } from "./verify.disk";
import type { BuildCheck } from "./verify.types";

/** What an earlier run has made. */
export interface Made {
    inputs: ApplianceInputs;
    outputs: ApplianceOutputs;
}

type Verified = Pick<ApplianceOutputs, "checksPassed" | "report"> & {
    durations: Pick<Durations, "verify" | "smokeTest">;
};

/** Looked at before anything is pushed: what is wrong gets to no host. */
export async function verified(
    plan: BuildPlan,
    built: BuildResult,
    image: ApplianceInputs,
    context: Context<Builder>,
    before: Made | undefined,
): Promise<Verified> {
    if (before && isJudgedAlready(before, image, built)) {
        const { checksPassed, report } = before.outputs;
        // Earlier versions of this package did not measure.
        const { durations } = before.outputs as Partial<ApplianceOutputs>;
        return {
            ...{ checksPassed, report },
            durations: { verify: durations?.verify, smokeTest: durations?.smokeTest },
        };
    }
    const { title, client, projectDir, signal, log } = context;
    const { docker, settings } = client;
    const expected = await expectationsOf(plan, image, settings, projectDir);
    const onProgress = (text: string): void => context.progress(text);
    const checks: BuildCheck[] = [];
    const durations: Verified["durations"] = {};
    if (image.verify !== false) {
        const start = context.now();
        checks.push(
            ...(await verifyBuild(built, expected, { docker, clock: client.host, signal, onProgress })),
        );
        const { artifacts = [] } = built;
        checks.push(...(await verifyDisks(artifacts, expected, client.images, { signal, onProgress })));
        durations.verify = secondsSince(start, context);
        assertVerified(checks, built.logFile);
    }
    if (plan.makes.iso && !built.iso)
        log.warn("the ISO is not on this machine any more: only the images were looked at");
    const { smokeTest: asked = false } = image;
    if (built.iso && asked !== false) {
        const options = asked === true ? smokeTestOptions.parse({}) : asked;
        const start = context.now();
        const logFolder = path.dirname(built.logFile);
        const { severity } = expected.verify;
        checks.push(
            ...(await smokeTest(built.iso, options, expected, {
                ...{ logFolder, signal, onProgress, severity },
                // A system is installed there, which a /tmp in memory may have no room for.
                spoolDirectory: settings.workDirectory,
            })),
        );
        durations.smokeTest = secondsSince(start, context);
        assertVerified(checks, built.logFile);
    }
    const { warnings, passed } = sortChecks(checks);
    for (const { id, message } of warnings) log.warn(`${id}: ${message}`);
    return {
        checksPassed: passed.length,
        report: checks.length === 0 ? "" : verificationMarkdown(title, checks),
        durations,
    };
}

/** To a tenth. */
export function secondsSince(start: number, context: Pick<Context<unknown>, "now">): number {
    return Math.round((context.now() - start) / 100) / 10;
}

/** Images that are only pushed again are not looked into and booted again. */
function isJudgedAlready(before: Made, image: ApplianceInputs, { images, iso }: BuildResult): boolean {
    // A state may end before they were judged.
    const { checksPassed, images: old, iso: oldIso } = before.outputs as Partial<ApplianceOutputs>;
    const idsOf = (list: readonly { dockerImageId: string }[] = []): string[] =>
        list.map(({ dockerImageId }) => dockerImageId);
    return (
        checksPassed !== undefined &&
        isDeepStrictEqual(before.inputs.verify, image.verify) &&
        isDeepStrictEqual(before.inputs.smokeTest, image.smokeTest) &&
        isDeepStrictEqual(idsOf(old), idsOf(images)) &&
        (iso === undefined || oldIso?.sha256 === iso.sha256)
    );
}
