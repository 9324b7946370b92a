/** What an image says it is (os-release(5)). */
export interface OsRelease {
    id: string;
    versionId?: string;
    idLike?: string;
    prettyName?: string;
    /** `VARIANT_ID` or `IMAGE_VERSION`, where an image has a version of its own. */
    imageVersion?: string;
}

/** Lines `KEY=value`, values as a shell would read them. */
export function parseOsRelease(text: string): OsRelease {
    const values = parseShellAssignments(text);
    const optional = (name: string, key: string): Record<string, string> => {
        const value = values.get(key);
        return value ? { [name]: value.slice(0, 200) } : {};
    };
    return {
        // The default that os-release(5) names.
        id: (values.get("ID") ?? "linux").slice(0, 100),
        ...optional("versionId", "VERSION_ID"),
        ...optional("idLike", "ID_LIKE"),
        ...optional("prettyName", "PRETTY_NAME"),
        ...optional("imageVersion", "IMAGE_VERSION"),
    };
}

/** `NAME=value`, plain, in single or in double quotes. Other lines are passed over. */
export function parseShellAssignments(text: string): Map<string, string> {
    const values = new Map<string, string>();
    for (const line of text.split(/\r?\n/)) {
        const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
        const [, name, value] = match ?? [];
        if (name !== undefined && value !== undefined) values.set(name, unquote(value.trim()));
    }
    return values;
}

function unquote(value: string): string {
    if (value.length >= 2 && value.startsWith("'") && value.endsWith("'")) return value.slice(1, -1);
    const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
    const inner = isQuoted ? value.slice(1, -1) : value;
    return inner.replace(/\\(["$`\\])/g, "$1");
}
