import { SshConnections } from "../../provider/ssh";
import { median, report } from "../support/bench";
import { testHost } from "../support/context";
import { Sshd } from "../support/sshd";
import { spawnSync } from "node:child_process";

const CALLS = 200;
const BASELINE_CALLS = 20;
const TARGET = 10;

/** A round trip of one command over a connection that is open, beside a new connection of `ssh` for each. */
async function main(): Promise<void> {
    await using sshd = await Sshd.start();
    const { user, host, port, key } = sshd;
    const login = { key: key.privateKey, from: "the test" };
    await using connections = new SshConnections({ login, clock: testHost() });
    const connection = await connections.connect({ user, host, port });
    await connection.exec("true");
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) times.push(await timed(() => connection.exec("true")));
    const options = ["-i", key.file, "-p", String(port), "-o", "StrictHostKeyChecking=no"];
    const quiet = ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"];
    const single: number[] = [];
    for (let call = 0; call < BASELINE_CALLS; call++) {
        single.push(
            await timed(async () => {
                const { status } = spawnSync("ssh", [...options, ...quiet, `${user}@${host}`, "true"]);
                if (status !== 0) throw new Error(`ssh ended with ${status}`);
            }),
        );
    }
    const ours = median(times);
    const baseline = median(single);
    report({
        name: "ssh-exec",
        value: ours,
        unit: "ms a command, one connection",
        baseline: `${baseline.toFixed(1)} ms: a new connection of ssh for each command, same server`,
        ratio: ours / baseline,
        target: `<= ${TARGET} ms, median of ${CALLS}`,
        ok: ours <= TARGET,
    });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
}

void main();
