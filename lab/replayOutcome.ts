/** One way in which an answer differs from the recorded one. */
export interface Difference {
    readonly path: string;
    readonly expected: unknown;
    readonly actual: unknown;
}

/** What became of a step. */
export interface ReplayOutcome {
    /** Names the step and its request in one line. */
    readonly title: string;
    /** `exempt`: nothing depends on the step, so it counts neither way. */
    readonly verdict: "passed" | "failed" | "exempt";
    readonly differences: readonly Difference[];
    /** Whether an error said the same in other words. */
    readonly otherWording: boolean;
}

/** A recording of one system: its scenarios by name, each ready to be replayed. */
export type Scenarios = ReadonlyMap<string, () => Promise<ReplayOutcome[]>>;

/** Reads a recording; undefined when the file is none of this system. */
export type ReadScenarios = (recording: unknown) => Scenarios | undefined;
