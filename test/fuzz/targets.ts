import { gptTarget } from "./gptCases";
import { imageTarget } from "./imageCases";
import { peTarget } from "./peCases";
import { qcow2Target } from "./qcow2Cases";
import { streamTarget } from "./streamCases";
import type { FuzzTarget } from "./target";

/** Every reader that is fuzzed. `cases`: so many in each run; `seconds`: as many as fit. */
export const TARGETS: readonly { target: FuzzTarget; cases?: number; seconds?: number }[] = [
    { target: gptTarget, cases: 100_000 },
    { target: qcow2Target, cases: 100_000 },
    { target: peTarget, cases: 100_000 },
    { target: imageTarget, seconds: 4 },
    { target: streamTarget, seconds: 4 },
];
