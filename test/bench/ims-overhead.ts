import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab, type ImsLab } from "../../lab";
import { customizedImage } from "../../provider/ims/customizedImage.handler";
import { median, report } from "../support/bench";
import { testContext } from "../support/context";
import { importImage, imsClient } from "../support/ims";
import { Row } from "../support/row";

const ROUNDS = 3;
const TARGET = 2;
/** How often the job is looked at beside the resource, in milliseconds. */
const LOOK = 5;

/** What a customization takes beyond the phases that are the server's own: the job's statuses, seen in the lab itself. */
async function main(): Promise<void> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "edge-os-bench-"));
    const lab = await startLab({
        dir: path.join(dir, "lab"),
        emf: false,
        images: false,
        ims: true,
        jobSpeed: 5,
    });
    try {
        await importImage(lab.ims, "base");
        const rounds = [];
        for (let round = 0; round < ROUNDS; round++)
            rounds.push(await customize(lab.ims, `layer-${round}`, dir));
        const overhead = median(rounds.map(({ all, server }) => all - server));
        const server = median(rounds.map((round) => round.server));
        report({
            name: "ims-overhead",
            value: overhead,
            unit: "s beyond the server's own phases",
            baseline: `${server.toFixed(2)} s: pod, session until it ends, packing, as the lab has them at a fifth of the real pauses`,
            ratio: overhead / TARGET,
            target: `<= ${TARGET} s, median of ${ROUNDS}`,
            ok: overhead <= TARGET,
        });
    } finally {
        await lab.close();
        fs.rmSync(dir, { recursive: true, force: true });
    }
}

/** Seconds of the whole, and of those in which the resource could only wait. */
async function customize(
    ims: ImsLab,
    name: string,
    projectDir: string,
): Promise<{ all: number; server: number }> {
    const { client } = imsClient(ims);
    const context = testContext({
        client,
        kind: "ims.CustomizedImage",
        projectDir,
        sleep: (ms) => sleep(ms),
    });
    const watch = watchStatuses(ims);
    try {
        const start = performance.now();
        await new Row(customizedImage).up({ baseImage: "base", name, steps: [{ run: "true" }] }, context);
        return { all: (performance.now() - start) / 1000, server: watch.waiting() / 1000 };
    } finally {
        watch.stop();
        await client.close();
    }
}

/**
 * Milliseconds of the statuses that end without the resource. Of `waiting_on_user` only what comes after the flag that
 * ends the session, as the pod looks for it but now and then.
 */
function watchStatuses(ims: ImsLab): { waiting: () => number; stop: () => void } {
    let waited = 0;
    let last = performance.now();
    const timer = setInterval(() => {
        const now = performance.now();
        const [job] = ims.store.jobs.list();
        const isOver = job?.status === "waiting_on_user" && ims.sessionIsOver(job.id);
        const isServers = job !== undefined && !["waiting_on_user", "success"].includes(job.status);
        if (isServers || isOver) waited += now - last;
        last = now;
    }, LOOK);
    return { waiting: () => waited, stop: () => clearInterval(timer) };
}

void main();
