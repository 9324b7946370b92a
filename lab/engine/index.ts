/** The embedded Pulumi engine: runs programs of dynamic resources where no Pulumi CLI is installed. */
export { runCommand, ExitCodes, type CommandContext } from "./command";
export type { EngineEvent, ChangeSummary, StepMetadata, StepOp, Severity } from "./events";
export { RefusalError } from "./refusal";
export {
    exportStack,
    runStack,
    type OutputValue,
    type RunStackOptions,
    type RunStackResult,
    type StackOperation,
    type StartInfo,
} from "./stack";
