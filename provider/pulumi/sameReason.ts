/**
 * Tells a reason in full to the first resource it stops and by reference to the others: a server that is down or a
 * wrong password stops all rows of a run with the same text, and is one thing to act on.
 */
export class SameReason {
    private readonly first = new Map<string, { urn: string; title: string }>();

    tell(text: string, urn: string, title: string): string {
        const told = this.first.get(text);
        if (!told) this.first.set(text, { urn, title });
        return !told || told.urn === urn ? text : `stopped by the same error as ${told.title}`;
    }
}
