import { EmfError, GatewayError } from "../errors";

/** Bodies above 100 KB (decimal) are refused. */
export const MAX_BODY_BYTES = 100_000;

/**
 * Reads the JSON value at the start of a body, as Go's streaming decoder does: what follows the value is not looked
 * at. A body that is missing or blank is no value (undefined).
 */
export function readJsonBody(body: Buffer): unknown {
    const text = body.toString("utf8");
    if (text.trim() === "") return undefined;
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return readFirstValue(text);
    }
}

function readFirstValue(text: string): unknown {
    const end = endOfFirstValue(text);
    try {
        return JSON.parse(text.slice(0, end)) as unknown;
    } catch (error) {
        const reason = error instanceof Error ? error.message : "invalid JSON";
        throw new GatewayError(400, `request body has an error: failed to decode request body: ${reason}`);
    }
}

function endOfFirstValue(text: string): number {
    let depth = 0;
    for (const { index, 0: token } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]|[^\s"{}[\],:]+/g)) {
        if (token === "{" || token === "[") depth++;
        if (token === "}" || token === "]") depth--;
        if (depth <= 0) return index + token.length;
    }
    return text.length;
}

/** Refuses an object that names a field twice, which protobuf does and JSON.parse does not notice. */
export function refuseDuplicateFields(body: Buffer): void {
    const open: Set<string>[] = [];
    for (const [token, key] of body
        .toString("utf8")
        .matchAll(/"((?:[^"\\]|\\.)*)"(?=\s*:)|"(?:[^"\\]|\\.)*"|[{}]/g)) {
        if (token === "{") open.push(new Set());
        else if (token === "}") open.pop();
        else if (key !== undefined) noteKey(open.at(-1), key);
        if (open.length === 0) return;
    }
}

function noteKey(seen: Set<string> | undefined, key: string): void {
    if (seen?.has(key)) throw new EmfError("InvalidArgument", `proto: duplicate field "${key}"`);
    seen?.add(key);
}
