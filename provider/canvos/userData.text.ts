import * as yaml from "yaml";
import { describeIssue, formatPath, type Problem } from "../resource/problem";
import { userDataSchema } from "./userData.schema";

/** Has to be the whole first line, or cloud-init leaves the file aside. */
const HEADER = "#cloud-config";

export interface UserDataFindings {
    problems: Problem[];
    warnings: Problem[];
}

/** The text of an object, as the agent's YAML 1.1 parser reads it. */
export function renderUserData(data: object): string {
    return `${HEADER}\n${yaml.stringify(data, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What the agent would not accept, or would make something else of, by its place in the object. */
export function userDataFindings(data: unknown): UserDataFindings {
    const read = userDataSchema.safeParse(data);
    if (!read.success) {
        const problems = read.error.issues.map((issue) => ({
            path: issue.path,
            message: describeIssue(issue),
        }));
        return { problems, warnings: [] };
    }
    return { problems: [], warnings: withoutProject(read.data.stylus) };
}

function withoutProject(
    stylus: { managementMode?: string; site?: Record<string, unknown> } | undefined,
): Problem[] {
    const { managementMode, site } = stylus ?? {};
    if (managementMode === "local" || site?.edgeHostToken === undefined) return [];
    if (site.projectName !== undefined || site.projectUid !== undefined) return [];
    const message =
        "is not given, and no projectUid: the host is registered only if the token has a default project. Give " +
        'projectName: "Default" for the default one';
    return [{ path: ["stylus", "site", "projectName"], message }];
}

/** The same for the text of a file; messages name the line. */
export function userDataTextFindings(text: string): UserDataFindings {
    const [first = ""] = text.split("\n", 1);
    if (first.trimEnd() !== HEADER) {
        const hides = first.startsWith("\uFEFF") ? ", and not with a byte order mark" : "";
        return only(
            `must begin with the line ${HEADER}${hides}: nothing may stand above it, not even a comment`,
        );
    }
    const lines = new yaml.LineCounter();
    // prettyErrors would put the text's lines into the messages.
    const document = yaml.parseDocument(text, {
        version: "1.1",
        prettyErrors: false,
        logLevel: "silent",
        lineCounter: lines,
    });
    const [error] = document.errors;
    if (error) {
        const why =
            error.code === "DUPLICATE_KEY" ? "a key is given twice" : `not valid YAML (${error.code})`;
        return only(`line ${lines.linePos(error.pos[0]).line}: ${why}`);
    }
    if (!yaml.isMap(document.contents)) return only("must be a map below its first line");
    let data: unknown;
    try {
        data = document.toJS();
    } catch {
        return only("has an alias of nothing above it, or too many of them");
    }
    const located = ({ path, message }: Problem): Problem => ({
        path: [],
        message: `line ${lineOf(document, lines, path)}: ${formatPath(path)} ${message}`,
    });
    const { problems, warnings } = userDataFindings(data);
    return { problems: problems.map(located), warnings: warnings.map(located) };
}

function only(message: string): UserDataFindings {
    return { problems: [{ path: [], message }], warnings: [] };
}

/** The line of the deepest part of the path that is there: what is missing has none of its own. */
function lineOf(document: yaml.Document, lines: yaml.LineCounter, path: readonly PropertyKey[]): number {
    for (let depth = path.length; depth > 0; depth--) {
        const parent: unknown =
            depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
        const step = path[depth - 1];
        if (yaml.isMap(parent)) {
            const pair = parent.items.find(({ key }) => yaml.isScalar(key) && key.value === step);
            if (pair && yaml.isScalar(pair.key) && pair.key.range)
                return lines.linePos(pair.key.range[0]).line;
        }
        if (yaml.isSeq(parent)) {
            const item = parent.items[Number(step)];
            if (yaml.isNode(item) && item.range) return lines.linePos(item.range[0]).line;
        }
    }
    return 1;
}
