import { closest } from "../../resource/problem";
import type { YamlFile } from "./document";
import type { FileImage } from "./images";

/** Which image of a file is the base of which. */
export class References {
    private readonly byRef = new Map<string, FileImage>();

    constructor(
        private readonly images: readonly FileImage[],
        private readonly file: YamlFile,
    ) {
        for (const image of images) {
            const { refName } = image;
            if (!refName) continue;
            const first = this.byRef.get(refName.value);
            if (first) file.problem(refName.place, `is also that of the image on line ${first.place.line}`);
            else this.byRef.set(refName.value, image);
        }
    }

    /** The base, where it is an image of the file. */
    baseOf({ base }: FileImage): FileImage | undefined {
        return base?.kind === "ref" ? this.byRef.get(base.text.value) : undefined;
    }

    /** Each image after its base. Those that would be their own bases are a problem, and come last. */
    inOrder(): FileImage[] {
        this.checkReferences();
        const order: FileImage[] = [];
        const waiting = new Set(this.images);
        for (let before = -1; before !== order.length;) {
            before = order.length;
            for (const image of waiting) {
                const base = this.baseOf(image);
                if (base && waiting.has(base)) continue;
                order.push(image);
                waiting.delete(image);
            }
        }
        for (const image of waiting) this.checkRing(image);
        return [...order, ...waiting];
    }

    private checkReferences(): void {
        const known = [...this.byRef.keys()];
        for (const { base } of this.images) {
            if (base?.kind !== "ref" || this.byRef.has(base.text.value)) continue;
            const { value, place } = base.text;
            const meant = closest(value, known);
            const hint = meant === undefined ? "" : `: did you mean ${meant}?`;
            this.file.problem(
                place,
                `no image of this file has the ref_name ${JSON.stringify(value)}${hint}`,
            );
        }
    }

    /** Told once for a ring, of its first image in the file. */
    private checkRing(image: FileImage): void {
        const ring: FileImage[] = [];
        for (let next = this.baseOf(image); next && !ring.includes(next); next = this.baseOf(next))
            ring.push(next);
        const isFirst = ring.includes(image) && this.images.find((one) => ring.includes(one)) === image;
        if (!isFirst || image.base?.kind !== "ref") return;
        const names = [image, ...ring].map(({ refName }) => refName?.value ?? "").join(" -> ");
        this.file.problem(image.base.text.place, `leads back to the image itself: ${names}`);
    }
}
