import { EdgeError } from "../resource/errors";
import type { ImsClient } from "./client";

/** A record that is not there proves nothing when the settings lead to another system. */
export function assertSameSystem(endpoint: string, client: ImsClient): void {
    if (endpoint === client.endpoint) return;
    throw new EdgeError(
        `it was made at ${endpoint}, and the settings lead to ${client.endpoint}, where it is not: nothing was changed. ` +
            `Set ${client.settings.advice.endpoint} back`,
    );
}
