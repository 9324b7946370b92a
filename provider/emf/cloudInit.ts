import * as yaml from "yaml";

/**
 * What cloud-init would make of a text. Messages name places and never repeat the text, which may hold secrets.
 * EMF itself looks at nothing but the length.
 */

const MAX_LENGTH = 16_384;
/** Go's printable characters and blanks, in EMF's words; its API refuses a request with any other. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\s\u0085]$/u;
const BYTE_ORDER_MARK = "\uFEFF";
/** Formats that cloud-init tells by the beginning of the first line. */
const OTHER_FORMATS = [
    "#!",
    "#include",
    "#cloud-boothook",
    "#part-handler",
    "#cloud-config-jsonp",
    "#upstart-job",
    "Content-Type:",
    "MIME-Version:",
];
const JINJA = /^##\s*template:\s*jinja\s*$/i;

export function cloudInitProblems(text: string): string[] {
    if (text.trim() === "") return ["must not be empty"];
    const problems: string[] = [];
    const { length } = Array.from(text);
    if (length > MAX_LENGTH) {
        problems.push(
            `has ${length} characters, EMF takes ${MAX_LENGTH}: split it into several configs, or let it fetch the rest (#include)`,
        );
    }
    problems.push(...characterProblems(text));
    const [first = "", second = ""] = text.split(/\r?\n/, 2);
    // A template is filled in on the host, so only its next line tells what it will be.
    const header = JINJA.test(first) ? second : first;
    if (/^#cloud-config\s*$/.test(header)) {
        if (header === first) problems.push(...yamlProblems(text, "map"));
    } else if (/^#cloud-config-archive\s*$/.test(header)) {
        if (header === first) problems.push(...yamlProblems(text, "list"));
    } else if (!OTHER_FORMATS.some((format) => header.startsWith(format))) {
        problems.push(
            "must begin with the line #cloud-config (or ## template: jinja and then that line, #!, #include, a MIME " +
                "header): cloud-init on the host would leave it aside without a word",
        );
    }
    return problems;
}

function characterProblems(text: string): string[] {
    if (text.startsWith(BYTE_ORDER_MARK)) {
        return ["begins with a byte order mark, which hides its first line from cloud-init: save it without"];
    }
    for (const [i, line] of text.split("\n").entries()) {
        const bad = Array.from(line).find(
            (character) => !PRINTABLE.test(character) || character === BYTE_ORDER_MARK,
        );
        if (bad === undefined) continue;
        const code = (bad.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
        return [`has the unprintable character U+${code} in line ${i + 1}, which EMF or cloud-init refuses`];
    }
    return [];
}

function yamlProblems(text: string, expected: "map" | "list"): string[] {
    const lines = new yaml.LineCounter();
    // 1.1 as cloud-init's own parser; prettyErrors would put the text's lines into the messages.
    const options = { version: "1.1", prettyErrors: false, logLevel: "silent", lineCounter: lines } as const;
    const document = yaml.parseDocument(text, options);
    const at = (position: number, why: string): string => {
        const { line, col } = lines.linePos(position);
        return `line ${line}, column ${col}: ${why}`;
    };
    const [error] = document.errors;
    if (error) {
        const why =
            error.code === "DUPLICATE_KEY" ? "a key is given twice" : `not valid YAML (${error.code})`;
        return [at(error.pos[0], why)];
    }
    const dangling: string[] = [];
    yaml.visit(document, {
        Alias(_key, alias) {
            if (!alias.resolve(document))
                dangling.push(at(alias.range?.[0] ?? 0, "an alias of nothing above it"));
        },
    });
    if (dangling.length > 0) return dangling;
    if (document.contents === null) return ["has nothing below its first line"];
    const fits = expected === "map" ? yaml.isMap(document.contents) : yaml.isSeq(document.contents);
    return fits ? [] : [`must be a ${expected} below its first line`];
}
