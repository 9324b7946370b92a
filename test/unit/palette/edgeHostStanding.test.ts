import { expect } from "chai";
import { standingOf, type Phase } from "../../../provider/palette/edgeHostStanding";

describe("where an edge host stands", () => {
    // Every state with every health: none may end a wait by being unexpected.
    const table: readonly [
        state: string | undefined,
        health: string | undefined,
        ready: string,
        healthy: string,
    ][] = [
        [undefined, undefined, "pending", "pending"],
        ["unpaired", undefined, "pending", "pending"],
        ["unpaired", "healthy", "working", "working"],
        ["unpaired", "unhealthy", "working", "working"],
        ["ready", undefined, "ready", "working"],
        ["ready", "healthy", "ready", "ready"],
        ["ready", "unhealthy", "ready", "working"],
        ["in-use", undefined, "ready", "working"],
        ["in-use", "healthy", "ready", "ready"],
        ["in-use", "unhealthy", "ready", "working"],
        ["resetting", "healthy", "working", "working"],
    ];
    for (const [state, health, ...expected] of table) {
        it(`is judged as ${state ?? "no state"} and ${health ?? "of no health"}`, () => {
            const status = {
                ...(state === undefined ? {} : { state }),
                ...(health === undefined ? {} : { health: { state: health } }),
            };
            const phases: readonly Phase[] = ["ready", "healthy"];
            const found = phases.map((until) => standingOf({ metadata: {}, status }, until).state);
            expect(found).to.deep.equal(expected);
        });
    }

    it("has failed when it is gone, and tells why it is not well", () => {
        expect(standingOf(undefined, "ready").state).to.equal("failed");
        const health = { state: "unhealthy", message: "disk pressure" };
        expect(standingOf({ metadata: {}, status: { state: "ready", health } }, "healthy")).to.deep.equal({
            state: "working",
            doing: "unhealthy",
            detail: "disk pressure",
        });
    });
});
