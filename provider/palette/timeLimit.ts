import { EdgeError, messageOf } from "../resource/errors";
import type { PaletteContext } from "./target";

/** Waits; when the time is over, the error says what has not come, and what to do. */
export async function withinTime(
    { signal }: Pick<PaletteContext, "signal">,
    wait: () => Promise<void>,
    whatIsOpen: string,
): Promise<void> {
    try {
        await wait();
    } catch (error) {
        if (!signal.aborted) throw error;
        throw new EdgeError(`${messageOf(signal.reason)}, and ${whatIsOpen}`, { cause: error });
    }
}
