import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { median, report } from "../support/bench";

/** Cold start of the provider process: what this package adds to what the SDK's host loads anyway. */
const ROUNDS = 9;
const TARGET_MS = 250;
const ROOT = path.resolve(__dirname, "../..");

const SDK = 'require("@pulumi/pulumi/cmd/dynamic-provider/config"); require("@pulumi/pulumi/runtime");';
const KIND = "emf.EdgeHost";
const OURS = `require("pulumi-edge-os/provider-runtime").provider(${JSON.stringify(KIND)}).diff("", {}, {})`;

function timed(script: string): number {
    const start = process.hrtime.bigint();
    execFileSync(process.execPath, ["-e", `${script}; process.exit(0)`], { cwd: ROOT, stdio: "ignore" });
    return Number(process.hrtime.bigint() - start) / 1e6;
}

const pairs = Array.from({ length: ROUNDS }, () => ({ sdk: timed(SDK), both: timed(`${SDK} ${OURS}`) }));
const added = median(pairs.map(({ sdk, both }) => both - sdk));
report({
    name: "start-up",
    value: added,
    unit: "ms beyond the SDK's own",
    baseline: `${Math.round(median(pairs.map(({ sdk }) => sdk)))} ms: node and the SDK's host`,
    ratio: added / TARGET_MS,
    target: `<= ${TARGET_MS} ms`,
    ok: added <= TARGET_MS,
});
