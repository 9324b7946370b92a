/** Text out of an image, harmless in Markdown: no tags, links or code spans of its own, on one line. */
export function markdownText(text: string): string {
    return text.replace(/\s+/g, " ").replace(/[\\`*_[\]<>|#~]/g, (sign) => `\\${sign}`);
}

/** A code span; backticks inside become quotes. */
export function markdownCode(text: string): string {
    return `\`${text.replace(/\s+/g, " ").replace(/`/g, "'")}\``;
}

/** Lines of a list, at most so many. */
export function bulletList(lines: readonly string[], most: number): string[] {
    const shown = lines.slice(0, most).map((line) => `- ${line}`);
    const left = lines.length - shown.length;
    return left > 0 ? [...shown, `- … and ${left} more`] : shown;
}

/** Cut at a line, with a note, so that what holds it stays small. */
export function boundedText(text: string, limit: number): string {
    if (text.length <= limit) return text;
    const note = "\n\n… cut; run `edge-os verify` for the whole report\n";
    const end = text.lastIndexOf("\n", limit - note.length);
    return text.slice(0, end > 0 ? end : limit - note.length) + note;
}
