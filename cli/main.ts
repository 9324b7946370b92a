#!/usr/bin/env node
import type { Command, ExitCode, Terminal } from "./command";

/** What the command line offers. Nothing of a command is loaded before it is asked for. */
const COMMANDS: readonly { words: string; does: string; load: () => { command: Command } }[] = [
    /* eslint-disable @typescript-eslint/no-require-imports -- `import()` is no way to load a CommonJS build late */
    {
        words: "emf csv check FILE",
        does: "everything that is wrong with a CSV of hosts",
        load: () => require("./emfCsvCheck") as { command: Command },
    },
    {
        words: "emf profile check FILE",
        does: "everything that is wrong with an OS profile's YAML, and what EMF would get",
        load: () => require("./emfProfileCheck") as { command: Command },
    },
    {
        words: "emf inventory",
        does: "hosts: device, site, OS profile, image, state",
        load: () => require("./emfInventory") as { command: Command },
    },
    {
        words: "emf generate",
        does: "a program that takes over what is already in EMF",
        load: () => require("./emfGenerate") as { command: Command },
    },
    {
        words: "ims jobs",
        does: "jobs of IMS: status, age, whose they are, and how to end those that are left",
        load: () => require("./imsJobs") as { command: Command },
    },
    {
        words: "ims images",
        does: "images of IMS that this package has made: whose they are, and which no stack knows of",
        load: () => require("./imsImages") as { command: Command },
    },
    {
        words: "palette inventory",
        does: "edge hosts: state, health, agent, addresses, hardware, cluster",
        load: () => require("./paletteInventory") as { command: Command },
    },
    {
        words: "palette generate",
        does: "a program that takes over what is already in Palette",
        load: () => require("./paletteGenerate") as { command: Command },
    },
    {
        words: "verify IMAGE",
        does: "everything that is wrong with a disk image, and what it holds",
        load: () => require("./verify") as { command: Command },
    },
    {
        words: "diff OLD NEW",
        does: "what has changed from one version of an image to the next",
        load: () => require("./diff") as { command: Command },
    },
    {
        words: "fit IMAGE|MANIFEST",
        does: "hosts that will install an image and find their hardware then, and those that will not",
        load: () => require("./fit") as { command: Command },
    },
    {
        words: "explain TEXT|HOST",
        does: "a status or an error of the platform: its cause, and what to do",
        load: () => require("./explain") as { command: Command },
    },
    {
        words: "prune",
        does: "old objects of this package that nothing uses any more",
        load: () => require("./prune") as { command: Command },
    },
    /* eslint-enable @typescript-eslint/no-require-imports */
];

/** Runs one command line, and says what it has come to. */
export async function runCommandLine(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
    const { found, rest } = findCommand(words);
    const asksForHelp = words.some((word) => word === "--help" || word === "-h");
    if (!found) {
        if (asksForHelp || words.length === 0) {
            if (asksForHelp) terminal.out(usage());
            else terminal.err(usage());
            return asksForHelp ? 0 : 2;
        }
        if (words[0] === "--version") {
            terminal.out(`edge-os ${version()}\n`);
            return 0;
        }
        terminal.err(`edge-os: there is no command ${JSON.stringify(words.join(" "))}\n\n${usage()}`);
        return 2;
    }
    const { command } = found.load();
    if (asksForHelp) {
        terminal.out(`${command.help}\n`);
        return 0;
    }
    try {
        return await command.run(rest, terminal);
    } catch (error) {
        return failed(error, nameOf(found.words), terminal);
    }
}

/** The command whose name is the beginning of the words, and the words behind it. */
function findCommand(words: readonly string[]): { found?: (typeof COMMANDS)[number]; rest: string[] } {
    for (const candidate of COMMANDS) {
        const name = nameOf(candidate.words).split(" ");
        if (name.every((word, i) => words[i] === word)) {
            return { found: candidate, rest: words.slice(name.length) };
        }
    }
    return { rest: [] };
}

/** `emf csv check FILE` without what the user fills in. */
function nameOf(words: string): string {
    return words.replace(/( [A-Z|]+)+$/, "");
}

function failed(error: unknown, name: string, terminal: Terminal): ExitCode {
    const thrown = error instanceof Error ? error : new Error(String(error));
    if (thrown.name === "UsageError") {
        terminal.err(`edge-os ${name}: ${thrown.message}; see edge-os ${name} --help\n`);
        return 2;
    }
    const debug = terminal.env.EDGE_OS_DEBUG !== undefined;
    terminal.err(`edge-os ${name}: ${debug ? (thrown.stack ?? thrown.message) : thrown.message}\n`);
    return 1;
}

function usage(): string {
    const width = Math.max(...COMMANDS.map(({ words }) => words.length));
    const lines = COMMANDS.map(({ words, does }) => `  ${words.padEnd(width)}  ${does}`);
    return `usage: edge-os COMMAND [--help]\n\n${lines.join("\n")}\n`;
}

function version(): string {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- found beside the build and in the sources alike
    const { version } = require("pulumi-edge-os/package.json") as { version: string };
    return version;
}

function processTerminal(): Terminal {
    // A reader that has seen enough (`| head`) is no error.
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
        process.exit();
    });
    return {
        out: (text) => void process.stdout.write(text),
        err: (text) => void process.stderr.write(text),
        isInteractive: process.stderr.isTTY,
        env: process.env,
        cwd: process.cwd(),
        async readInput() {
            const chunks: Buffer[] = [];
            for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
            return Buffer.concat(chunks).toString("utf8");
        },
    };
}

if (require.main === module) {
    void runCommandLine(process.argv.slice(2), processTerminal()).then((code) => {
        process.exitCode = code;
    });
}
