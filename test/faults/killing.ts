import { expect } from "chai";
import type { Lab } from "../../lab";
import type { Tap } from "../../lab/handler";
import { VerbRunner, type VerbAnswer, type VerbCall } from "../support/verbs";
import type { Journey } from "./journeys";

/** A lab whose calls can be watched, and what to reach it with. */
export interface Stand {
    readonly lab: Lab;
    readonly standIn: { tap?: Tap };
    /** The stack's configuration, and the environment of the process that is killed. */
    readonly config: Record<string, string>;
    readonly env: NodeJS.ProcessEnv;
    /** All objects of a collection that a journey watches. */
    list(collection: string): Promise<readonly unknown[]>;
}

/** All kill points; without it a sample of each verb's. */
const ALL = process.env.EDGE_OS_ALL_FAULTS === "1";
const SAMPLE = 3;
/** More calls than any verb makes. */
const NEVER = 200;
/** Calls that change nothing: they need not be tried from both sides. */
export const READS = /^(GET|HEAD|POST token|POST \S+\/search)/;

type Properties = Record<string, unknown>;

/** A call of the API before or after which the process dies. */
interface KillPoint {
    call: number;
    side: "before" | "after";
    route: string;
}

/** The tests of one kind's life. */
export function testKilling(journey: Journey, start: () => Promise<Stand>): void {
    describe(`${journey.kind}, killed at an outgoing call and run again`, function () {
        this.timeout(ALL ? 1_200_000 : 240_000);
        let stand: Stand;
        let runner: VerbRunner;
        let inputs: { first: Properties; second: Properties };

        before(async () => {
            stand = await start();
            runner = new VerbRunner({ config: stand.config, env: stand.env });
            inputs = await journey.prepare(stand.lab);
        });
        after(() => stand.lab.close());

        const verb = async (call: Omit<VerbCall, "kind">): Promise<VerbAnswer> => {
            const answer = await runner.run({ kind: journey.kind, ...call });
            if (!answer) throw new Error("the process was killed");
            if (answer.error !== undefined) throw new Error(answer.error);
            return answer;
        };
        const create = async (): Promise<{ id: string; olds: Properties }> => {
            const { result } = await verb({ verb: "create", news: inputs.first });
            return { id: result?.id ?? "", olds: result?.outs ?? {} };
        };
        const remove = async (row: { id: string; olds: Properties }): Promise<void> => {
            await verb({ verb: "delete", ...row });
            expect(await inventory(stand, journey)).to.deep.equal({}, "left behind by delete");
        };

        it("create makes one object", async () => {
            await remove(await create());
            for (const point of await killPoints(stand, runner, {
                kind: journey.kind,
                verb: "create",
                news: inputs.first,
            })) {
                await killed(stand, runner, point, {
                    kind: journey.kind,
                    verb: "create",
                    news: inputs.first,
                });
                const row = await create();
                expect(await inventory(stand, journey), described(point)).to.deep.equal(journey.made);
                await remove(row);
            }
        });

        const change = journey.replaces === true ? "replacement" : "update";
        it(`${change} arrives`, async () => {
            if (journey.replaces === true) await replacementArrives();
            else await updateArrives();
        });

        const updateArrives = async (): Promise<void> => {
            const row = await create();
            const call: VerbCall = { kind: journey.kind, verb: "update", ...row, news: inputs.second };
            const points = await killPoints(stand, runner, call);
            let current = { id: row.id, olds: (await verb(call)).result?.outs ?? {} };
            const second = await contents(stand, journey);
            for (const point of points) {
                const back = await verb({ verb: "update", ...current, news: inputs.first });
                const before = { id: row.id, olds: back.result?.outs ?? {} };
                await killed(stand, runner, point, { ...call, ...before });
                const { result } = await verb({ ...call, ...before });
                current = { id: row.id, olds: result?.outs ?? {} };
                expect(await contents(stand, journey), described(point)).to.deep.equal(second);
            }
            await remove(current);
        };

        /** The new object first, then without the old one, and back again: each half killed wherever it can be. */
        const replacementArrives = async (): Promise<void> => {
            const made: VerbCall = { kind: journey.kind, verb: "create", news: inputs.second };
            for (const point of await killPoints(stand, runner, made)) {
                const old = await create();
                await killed(stand, runner, point, made);
                const next = await verb(made);
                await verb({ verb: "delete", ...old });
                expect(await inventory(stand, journey), described(point)).to.deep.equal(journey.made);
                await remove(madeBy(next));
            }
            await goneBackArrives();
        };

        /** A → B, of which the old object's deletion fails → A: that deletion comes late, and must not hit the new A. */
        const goneBackArrives = async (): Promise<void> => {
            const old = await create();
            const replaced = madeBy(await verb({ verb: "create", news: inputs.second }));
            const back = await create();
            await verb({ verb: "delete", ...replaced });
            await verb({ verb: "delete", ...old });
            expect(await inventory(stand, journey)).to.deep.equal(journey.made);
            await remove(back);
        };

        it("delete leaves nothing", async () => {
            const first = await create();
            const points = await killPoints(stand, runner, { kind: journey.kind, verb: "delete", ...first });
            for (const point of points) {
                const row = await create();
                await killed(stand, runner, point, { kind: journey.kind, verb: "delete", ...row });
                await remove(row);
            }
        });
    });
}

/** Runs the verb once undisturbed, and tells where it could have died; a read need not be tried from both sides. */
async function killPoints({ standIn }: Stand, runner: VerbRunner, call: VerbCall): Promise<KillPoint[]> {
    const points: KillPoint[] = [];
    let calls = 0;
    standIn.tap = (side, route) => {
        if (side === "before") calls += 1;
        if (side === "before" || !READS.test(route)) points.push({ call: calls, side, route });
        return undefined;
    };
    const answer = await runner.run(call);
    delete standIn.tap;
    if (!answer || answer.error !== undefined) throw new Error(answer?.error ?? "the process was killed");
    // What it made is the next run's to find, as after a crash.
    if (call.verb === "create") await runner.run({ ...call, verb: "delete", ...madeBy(answer) });
    expect(points.length).to.be.within(1, NEVER);
    if (ALL || points.length <= SAMPLE) return points;
    const writes = points.filter(({ route }) => !READS.test(route));
    return (writes.length > 0 ? writes : points).slice(0, 2 * SAMPLE);
}

function madeBy({ result }: VerbAnswer): { id: string; olds: Properties } {
    return { id: result?.id ?? "", olds: result?.outs ?? {} };
}

async function killed(
    { standIn }: Stand,
    runner: VerbRunner,
    point: KillPoint,
    call: VerbCall,
): Promise<void> {
    let calls = 0;
    standIn.tap = (side) => {
        if (side === "before") calls += 1;
        if (side !== point.side || calls !== point.call) return undefined;
        runner.kill();
        return "drop";
    };
    const answer = await runner.run(call);
    delete standIn.tap;
    expect(answer, `${described(point)}: the verb ended before it could be killed`).to.equal(undefined);
}

/** How many objects of each watched kind there are. */
async function inventory(stand: Stand, { watched }: Journey): Promise<Record<string, number>> {
    const counts = await Promise.all(
        watched.map(async (path) => [path, (await stand.list(path)).length] as const),
    );
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** The watched objects without what differs from run to run. */
async function contents(stand: Stand, { watched }: Journey): Promise<unknown> {
    const lists = await Promise.all(watched.map((path) => stand.list(path)));
    return JSON.parse(
        JSON.stringify(lists, (key, value: unknown) =>
            /timestamp|status|id$|claim|state|(changed|created)At/i.test(key) ||
            key === "host" ||
            key === "instance"
                ? undefined
                : value,
        ).replace(/[0-9a-f]{12}-[0-9a-z-]+/g, "claim"),
    ) as unknown;
}

function described({ call, side, route }: KillPoint): string {
    return `killed ${side} call ${call}, ${route}`;
}
