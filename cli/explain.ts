import { isId } from "../provider/emf/references";
import { SERIAL, UUID } from "../provider/emf/hostRules";
import { closest } from "../provider/resource/problem";
import { parseWords, type Command, type ExitCode, type Terminal } from "./command";
import { CONNECTION_OPTIONS } from "./connection";
import { CONNECTION_HELP, withEmf } from "./emfConnection";
import { asJson, matchText } from "./explanationText";
import { explain, EXPLANATIONS, type Match } from "./explanations";
import { explainHost } from "./explainHost";

const HELP = `usage: edge-os explain TEXT|HOST [--host] [--json] [--config FILE] [--connection NAME]

Explains a status or an error text of the platform: its cause, and what to do. HOST is a serial number, a UUID, or an
id of EMF (host-…); its statuses are read and explained. --host: the word is a host, whatever it looks like.

${CONNECTION_HELP}`;

export const command: Command = {
    help: HELP,
    async run(words, terminal) {
        const options = {
            json: { type: "boolean" },
            host: { type: "boolean" },
            ...CONNECTION_OPTIONS,
        } as const;
        // A status is often pasted without quotes.
        const { flags, given } = parseWords(joined(words), options, ["TEXT"]);
        const json = flags.json === true;
        const matches = explain(given.TEXT);
        const isHost =
            flags.host === true || (looksLikeHost(given.TEXT) && !matches.some(({ whole }) => whole));
        if (!isHost) return explainText(given.TEXT, matches, json, terminal);
        return withEmf<ExitCode>(flags, terminal, (client) =>
            explainHost(given.TEXT, client, json, terminal),
        );
    },
};

/** Words that are no options as one. */
function joined(words: readonly string[]): string[] {
    const valued = Object.keys(CONNECTION_OPTIONS).map((name) => `--${name}`);
    const options: string[] = [];
    const text: string[] = [];
    words.forEach((word, i) => {
        const isOption = word.startsWith("--") || valued.includes(words[i - 1] ?? "");
        (isOption ? options : text).push(word);
    });
    return text.length === 0 ? options : [...options, "--", text.join(" ")].filter((word) => word !== "");
}

function looksLikeHost(text: string): boolean {
    return isId("hosts", text) || UUID.test(text) || SERIAL.test(text);
}

function explainText(text: string, matches: Match[], json: boolean, terminal: Terminal): ExitCode {
    if (json) {
        terminal.out(`${JSON.stringify({ text, explanations: matches.map(asJson) }, undefined, 4)}\n`);
    } else if (matches.length === 0) {
        terminal.err(`${unknown(text)}\n`);
    } else {
        terminal.out(`${matches.map(matchText).join("\n\n")}\n`);
    }
    return matches.length === 0 ? 1 : 0;
}

function unknown(text: string): string {
    const meant = closest(
        text,
        EXPLANATIONS.map((explanation) => explanation.text),
    );
    return (
        `no explanation is known for ${JSON.stringify(text)}` +
        (meant === undefined
            ? "; give a status or an error as the platform writes it, or a host's serial number, UUID or id"
            : `; did you mean ${JSON.stringify(meant)}?`)
    );
}
