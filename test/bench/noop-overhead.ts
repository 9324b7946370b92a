import * as path from "node:path";
import { loadDefinition } from "../../provider/systems";
import { median, report } from "../support/bench";
import { fleetOf, succeeded } from "../support/fleet";
import { stackUnderTest, type StackUnderTest } from "../support/stack";

const HOSTS = 1000;
const ROUNDS = 3;
const TARGET = 1.15;

/** A no-op `up` of a fleet beside one of as many resources of the same shape whose provider does nothing, on the same engine. */
async function main(): Promise<void> {
    await using fleet = await fleetOf(HOSTS);
    await using empty = emptyResources(HOSTS);
    succeeded(await fleet.stack.up());
    succeeded(await empty.up());
    const pairs = [];
    for (let round = 0; round < ROUNDS; round++) {
        pairs.push({ ours: await timed(fleet.stack), baseline: await timed(empty) });
    }
    const ratio = median(pairs.map(({ ours, baseline }) => ours / baseline));
    report({
        name: "noop-overhead",
        value: median(pairs.map(({ ours }) => ours)),
        unit: `s for a no-op up of ${HOSTS} hosts`,
        baseline: `${median(pairs.map(({ baseline }) => baseline)).toFixed(1)} s: ${HOSTS} resources of the same shape with an empty handler`,
        ratio,
        target: `<= ${TARGET} x the baseline, median of ${ROUNDS} interleaved pairs`,
        ok: ratio <= TARGET,
    });
}

/**
 * Resources with an EdgeHost's properties and inputs, in a component, whose provider only echoes: what any typed
 * resource of this shape costs the SDK and the engine.
 */
function emptyResources(count: number): StackUnderTest {
    const { inputs, outputs } = loadDefinition("emf.EdgeHost");
    const properties = [...Object.keys(inputs.shape), ...Object.keys(outputs.shape)];
    const text = `exports.handler = () => require(${JSON.stringify(path.join(__dirname, "../support/emptyProvider.js"))});`;
    return stackUnderTest({
        program: {
            source: `
const pulumi = require("@pulumi/pulumi");
const guides = Object.fromEntries(${JSON.stringify(properties)}.map((name) => [name, undefined]));
class Empty extends pulumi.CustomResource {
    constructor(name, args, opts) {
        super("pulumi-nodejs:dynamic/bench:Empty", name, { ...guides, ...args, __provider: ${JSON.stringify(text)} }, opts);
    }
}
const parent = new pulumi.ComponentResource("bench:index:Parent", "parent");
const all = Array.from({ length: ${count} }, (_, i) => new Empty("parent-" + i, {
    serial: "SN" + i, uuid: "8f0c2e4a-3b1d-4c6e-9a57-1d2e3f405161", site: "site-00000000", osProfile: "os-00000000",
}, { parent }));
new Empty("gate", { hosts: all.map((host) => ({ hostId: host.hostId, instanceId: host.instanceId })) }, { parent });`,
        },
    });
}

async function timed(stack: StackUnderTest): Promise<number> {
    const start = Date.now();
    succeeded(await stack.up());
    return (Date.now() - start) / 1000;
}

void main();
