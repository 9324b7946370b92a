import { runningTimeLimit } from "../http/runningTime";
import type { Context } from "../resource/context";
import { UnavailableHere } from "../resource/errors";

/** Seconds a check may wait: little where the answer only makes a preview better, longer where its lack fails the run. */
const CHECK_WAIT = { preview: 5, update: 60 };
/** After a look-up of a check failed, others do not wait for the same again. */
const GIVE_UP_FOR = 30_000;

/** A client as look-ups of checks see it. */
export interface AddressedClient {
    readonly endpoint: string;
}

/** A look-up of a check: short, and given up at once where one has just failed. */
export function lookUpInCheck<Client extends AddressedClient, T>(
    system: string,
    context: Context<Client>,
    lookUp: (client: Client, signal: AbortSignal) => Promise<T>,
    fallback: T,
): Promise<T> {
    return context.ifAvailable(async () => {
        const { client } = context;
        const failed = failures.get(client);
        if (failed && context.now() - failed.at < GIVE_UP_FOR) throw failed.error;
        const seconds = context.preview ? CHECK_WAIT.preview : CHECK_WAIT.update;
        const limit = runningTimeLimit(
            seconds * 1000,
            () => new UnavailableHere(`${system} at ${client.endpoint} did not answer within ${seconds} s`),
        );
        try {
            return await lookUp(client, AbortSignal.any([context.signal, limit.signal]));
        } catch (error) {
            if (error instanceof UnavailableHere) failures.set(client, { at: context.now(), error });
            throw error;
        } finally {
            limit.end();
        }
    }, fallback);
}

const failures = new WeakMap<object, { at: number; error: UnavailableHere }>();
