import { ProgramClients } from "../pulumi/programClients";
import { EmfClient } from "./client";
import { readEmfSettings } from "./settings";

const clients = new ProgramClients(
    (target: { connection?: string; project?: string }, host) =>
        new EmfClient(readEmfSettings(target, host), host),
);

/** Runs look-ups with a client of the program's own. */
export function withProgramClient<T>(
    { connection, project }: { connection?: string; project?: string },
    use: (client: EmfClient) => Promise<T>,
): Promise<T> {
    return clients.with(
        {
            ...(connection === undefined ? {} : { connection }),
            ...(project === undefined ? {} : { project }),
        },
        use,
    );
}
