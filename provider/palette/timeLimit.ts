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

/** Milliseconds between one look and the next, ever more: what takes long is looked at less often. */
export function* pauses(shortest: number, longest: number): Generator<number, never> {
    for (let pause = shortest; ; pause = Math.min(pause * 1.5, longest)) yield pause;
}
