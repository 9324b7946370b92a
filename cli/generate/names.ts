/** Hands out names that no two objects of a kind share. */
export class Names {
    private readonly taken = new Set<string>();

    /** The wish if it is free, else with the id's digits, which stay the same whatever else there is. */
    take(wish: string, id: string): string {
        const safe = safeName(wish) || safeName(id);
        const name = this.taken.has(safe.toLowerCase()) ? `${safe}-${id.replace(/^.*-/, "")}` : safe;
        this.taken.add(name.toLowerCase());
        return name;
    }
}

/** Letters, digits and `. _ -`: what a URN, a file name and a shell all take. */
export function safeName(text: string): string {
    return text
        .normalize("NFKD")
        .replace(/[^A-Za-z0-9._-]+/g, "-")
        .replace(/^[-.]+|[-.]+$/g, "");
}

/** `north-east.1` as `regionNorthEast1`: never a reserved word, since the kind stands in front. */
export function identifier(kind: string, name: string): string {
    const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
    return kind + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
