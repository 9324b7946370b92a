import { report } from "../support/bench";
import { fleetOf, succeeded } from "../support/fleet";

const TARGET = 2.5 * 1024;

/** Bytes of an EdgeHost's row in the state, in a fleet of ten and of a hundred: no row may grow with the fleet. */
async function main(): Promise<void> {
    const sizes: number[] = [];
    for (const hosts of [10, 100]) {
        await using fleet = await fleetOf(hosts);
        const { resources } = succeeded(await fleet.stack.up());
        const rows = resources.filter((row) => row.type.endsWith("emf:EdgeHost"));
        sizes.push(Math.max(...rows.map((row) => Buffer.byteLength(JSON.stringify(row)))));
    }
    const [small = 0, large = 0] = sizes;
    report({
        name: "state-size",
        value: large,
        unit: "bytes for the largest EdgeHost of 100",
        baseline: `${small} bytes: the largest EdgeHost of 10`,
        ratio: large / small,
        target: `<= ${TARGET} bytes, growing with the fleet by at most 1 %`,
        ok: large <= TARGET && large <= 1.01 * small,
    });
}

void main();
