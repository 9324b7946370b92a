import { ProgramClients } from "../pulumi/programClients";
import { ImsClient } from "./client";
import { readImsSettings } from "./settings";

const clients = new ProgramClients(
    ({ connection }: { connection?: string }, host) => new ImsClient(readImsSettings(connection, host), host),
);

/** Runs look-ups with a client of the program's own. */
export function withProgramClient<T>(
    { connection }: { connection?: string },
    use: (client: ImsClient) => Promise<T>,
): Promise<T> {
    return clients.with(connection === undefined ? {} : { connection }, use);
}
