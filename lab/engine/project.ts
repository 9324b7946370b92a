import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { unsupported } from "./refusal";

/** What the engine needs of a Pulumi.yaml. */
export interface Project {
    name: string;
    /** Folder of Pulumi.yaml. */
    root: string;
    /** Folder in which the program runs. */
    pwd: string;
    /** The program, relative to `pwd`. */
    entry: string;
    /** Whether the SDK registers ts-node for the program. */
    typescript: boolean;
    /** Folder of the stacks' configuration files. */
    configDir: string;
    /** The project's own configuration values, as they stand in the file. */
    config: Record<string, unknown>;
    /** `backend.url`. */
    backend?: string;
    /** `options.refresh: always`. */
    refreshAlways: boolean;
    /** Arguments for node. */
    nodeArgs: string[];
}

interface ProjectFile {
    name?: unknown;
    main?: unknown;
    runtime?: string | { name?: string; options?: { typescript?: boolean; nodeargs?: string } };
    config?: Record<string, unknown> | string;
    stackConfigDir?: unknown;
    backend?: { url?: string };
    options?: { refresh?: string };
}

const NAMES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];

/** Finds the project of a folder: in it or above it, as the CLI does. */
export function loadProject(cwd: string): Project {
    const file = findProjectFile(path.resolve(cwd));
    const root = path.dirname(file);
    const content = parseProjectFile(file);
    if (typeof content.name !== "string" || content.name === "") {
        throw new Error(`${file}: "name" is missing; it names the project in every URN.`);
    }
    const runtime = typeof content.runtime === "string" ? { name: content.runtime } : content.runtime;
    if (runtime?.name !== "nodejs") {
        throw unsupported(`${file}: runtime "${runtime?.name ?? ""}"`);
    }
    const options = typeof content.runtime === "object" ? content.runtime.options : undefined;
    return {
        name: content.name,
        root,
        ...findProgram(file, root, content.main),
        typescript: options?.typescript !== false,
        configDir: configDirectory(root, content),
        config: typeof content.config === "object" ? content.config : {},
        backend: content.backend?.url,
        refreshAlways: content.options?.refresh === "always",
        nodeArgs: options?.nodeargs?.split(/\s+/).filter((arg) => arg !== "") ?? [],
    };
}

function findProjectFile(from: string): string {
    for (let folder = from; ; folder = path.dirname(folder)) {
        const found = NAMES.map((name) => path.join(folder, name)).find((file) => fs.existsSync(file));
        if (found !== undefined) {
            return found;
        }
        if (path.dirname(folder) === folder) {
            throw new Error(
                `there is no Pulumi.yaml in ${from} or above it. Run in a project's folder, or give --cwd.`,
            );
        }
    }
}

function parseProjectFile(file: string): ProjectFile {
    const text = fs.readFileSync(file, "utf8");
    try {
        return (parse(text) ?? {}) as ProjectFile;
    } catch (error) {
        throw new Error(`${file} is not valid YAML: ${(error as Error).message}`);
    }
}

// `config` is a folder in the projects of old; there it means what `stackConfigDir` means now.
function configDirectory(root: string, content: ProjectFile): string {
    const folder = content.stackConfigDir ?? content.config;
    return typeof folder === "string" ? path.resolve(root, folder) : root;
}

function findProgram(file: string, root: string, main: unknown): { pwd: string; entry: string } {
    if (typeof main !== "string" || main === "") {
        return { pwd: root, entry: "." };
    }
    const program = path.resolve(root, main);
    if (!fs.existsSync(program)) {
        throw new Error(`${file}: "main" is ${main}, which does not exist.`);
    }
    return fs.statSync(program).isDirectory()
        ? { pwd: program, entry: "." }
        : { pwd: path.dirname(program), entry: path.basename(program) };
}
