import type { ImsClient } from "../provider/ims/client";
import { parseWords, type Command, type ExitCode } from "./command";
import { CONNECTION_OPTIONS } from "./connection";
import { withIms } from "./imsConnection";
import { assertWholeStack, stackOf, STACK_OPTIONS, type ImsStack } from "./imsStack";

const OPTIONS = { ...STACK_OPTIONS, json: { type: "boolean" }, ...CONNECTION_OPTIONS } as const;

/** What a listing shows of one object. */
interface ListedLine {
    readonly created: string;
    readonly ageSeconds: number;
}

/** A command that lists the objects of one kind in IMS, and whose they are. */
interface ImsListing<Line extends ListedLine> {
    readonly help: string;
    /** Of the lines in the JSON output. */
    readonly key: string;
    readonly idOf: (line: Line) => string;
    readonly list: (client: ImsClient, stack: ImsStack | undefined, now: number) => Promise<Line[]>;
    readonly asText: (lines: readonly Line[], stack: ImsStack | undefined, endpoint: string) => string;
}

/** Runs a listing, the oldest objects first. */
export function imsListing<Line extends ListedLine>(listing: ImsListing<Line>): Command {
    const { help, key, idOf, list, asText } = listing;
    return {
        help,
        async run(words, terminal) {
            const { flags } = parseWords(words, OPTIONS, []);
            assertWholeStack(flags);
            return withIms<ExitCode>(flags, terminal, async (client, host) => {
                const stack = await stackOf(flags, host, terminal);
                const lines = await list(client, stack, host.now());
                lines.sort((a, b) => b.ageSeconds - a.ageSeconds || (idOf(a) < idOf(b) ? -1 : 1));
                const { endpoint } = client;
                terminal.out(
                    flags.json
                        ? `${JSON.stringify({ endpoint, [key]: lines }, undefined, 4)}\n`
                        : `${asText(lines, stack, endpoint)}\n`,
                );
                return 0;
            });
        },
    };
}

/** Whole seconds since an object was made, for a clock that may be behind the server's. */
export function ageInSeconds(created: number, now: number): number {
    return Math.max(0, Math.round((now - created) / 1000));
}
