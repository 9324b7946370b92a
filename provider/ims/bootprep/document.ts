import * as yaml from "yaml";
import { closest, oneOf } from "../../resource/problem";

/** One thing that is wrong with the file. */
export interface FileProblem {
    readonly line: number;
    /** `images[0].base`; empty for the file as a whole. */
    readonly path: string;
    readonly message: string;
}

/** A value of the file, and where it stands. */
export interface Place {
    readonly node: unknown;
    readonly path: string;
    readonly line: number;
}

export interface Text {
    readonly value: string;
    readonly place: Place;
}

/** A YAML file whose values are asked for one by one; each that is not what it should be is a problem with its line. */
export class YamlFile {
    readonly problems: FileProblem[] = [];
    readonly root: Place;
    private readonly lines = new yaml.LineCounter();
    private readonly document: yaml.Document;

    constructor(text: string) {
        // `sat` reads YAML 1.1, where `yes` is a truth value. Pretty errors would put the file's lines into messages.
        this.document = yaml.parseDocument(text, {
            ...{ version: "1.1", prettyErrors: false, logLevel: "silent", lineCounter: this.lines },
        });
        this.root = { node: this.document.contents, path: "", line: 1 };
        for (const { code, pos } of this.document.errors) {
            const message = code === "DUPLICATE_KEY" ? "a key is given twice" : `is not valid YAML (${code})`;
            this.problems.push({ line: this.lines.linePos(pos[0]).line, path: "", message });
        }
    }

    problem({ line, path }: Pick<Place, "line" | "path">, message: string): void {
        this.problems.push({ line, path, message });
    }

    /** The fields of a map, by their names. */
    fields(place: Place, allowed: readonly string[]): Map<string, Place> | undefined {
        if (!yaml.isMap(place.node)) {
            this.problem(place, "must be a map");
            return undefined;
        }
        const fields = this.pairs(place.node, place.path);
        for (const [name, field] of fields) {
            if (allowed.includes(name)) continue;
            const meant = closest(name, allowed);
            this.problem(
                field,
                meant ? `is not known: did you mean ${meant}?` : `is not known: ${list(allowed)}`,
            );
        }
        return fields;
    }

    items(place: Place): Place[] | undefined {
        if (!yaml.isSeq(place.node)) {
            this.problem(place, "must be a list");
            return undefined;
        }
        return place.node.items.map((item, index) => this.place(item, `${place.path}[${index}]`, place.line));
    }

    text(place: Place): Text | undefined {
        const value = scalar(place.node);
        if (typeof value === "string") return { value, place };
        const isPlain = typeof value === "number" || typeof value === "boolean";
        this.problem(place, isPlain ? "must be text: put it in quotes" : "must be text");
        return undefined;
    }

    flag(place: Place): boolean | undefined {
        const value = scalar(place.node);
        if (typeof value === "boolean") return value;
        this.problem(place, "must be true or false");
        return undefined;
    }

    choice<T extends string>(place: Place, allowed: readonly T[]): T | undefined {
        const value = scalar(place.node);
        const found = allowed.find((word) => word === value);
        if (found === undefined) this.problem(place, list(allowed));
        return found;
    }

    /** A required field, which is a problem of its map when it is not there. */
    required(fields: ReadonlyMap<string, Place>, name: string, map: Place): Place | undefined {
        const field = fields.get(name);
        if (!field) this.problem(map, `needs ${name}`);
        return field;
    }

    private pairs(map: yaml.YAMLMap, path: string): Map<string, Place> {
        const fields = new Map<string, Place>();
        const merged: yaml.YAMLMap[] = [];
        for (const { key, value } of map.items) {
            const name = keyName(key);
            const line = this.lineOf(key) ?? 1;
            if (name === "<<") merged.push(...this.mapsOf(value));
            else if (name === undefined) this.problem({ path, line }, "has a key that is no text");
            else fields.set(name, this.place(value, path === "" ? name : `${path}.${name}`, line));
        }
        for (const other of merged) {
            for (const [name, field] of this.pairs(other, path))
                if (!fields.has(name)) fields.set(name, field);
        }
        return fields;
    }

    /** What is merged into a map: one, or several of which the first counts. */
    private mapsOf(value: unknown): yaml.YAMLMap[] {
        const node = this.resolved(value);
        if (yaml.isMap(node)) return [node];
        return yaml.isSeq(node) ? node.items.flatMap((item) => this.mapsOf(item)) : [];
    }

    private place(value: unknown, path: string, line: number): Place {
        return { node: this.resolved(value), path, line: this.lineOf(value) ?? line };
    }

    private resolved(value: unknown): unknown {
        return yaml.isAlias(value) ? value.resolve(this.document) : value;
    }

    private lineOf(node: unknown): number | undefined {
        const at = yaml.isNode(node) ? node.range?.[0] : undefined;
        return at === undefined ? undefined : this.lines.linePos(at).line;
    }
}

function list(allowed: readonly string[]): string {
    return `must be ${oneOf(allowed)}`;
}

function scalar(node: unknown): unknown {
    return yaml.isScalar(node) ? node.value : undefined;
}

/** The merge key is a symbol in YAML 1.1. */
function keyName(key: unknown): string | undefined {
    const value = scalar(key);
    if (typeof value === "symbol") return value.description;
    return typeof value === "string" ? value : undefined;
}
