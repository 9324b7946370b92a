import { closest } from "../../resource/problem";
import { templateNameProblem } from "../names";
import { YamlFile, type FileProblem, type Text } from "./document";
import { readImages, type FileImage } from "./images";
import { References } from "./order";
import { isTemplate, render, variableIn } from "./template";

/** What the program adds to the file, as far as it decides what can be made. */
export interface PlanOptions {
    readonly variables: Readonly<Record<string, unknown>>;
    /** Names of the configurations whose steps are given. */
    readonly configurations: readonly string[];
    /** By the image's key: whether its base and steps are given. */
    readonly images: Readonly<Record<string, { readonly base: boolean; readonly steps: boolean }>>;
}

/** An image to be made, after those it is made of. */
export interface PlannedImage {
    /** `ref_name`, else the name. */
    readonly key: string;
    readonly name: string;
    readonly base: PlannedBase;
    readonly configuration?: string;
    readonly groups: readonly string[];
    /** Whether a session changes it; without one it is only built. */
    readonly isChanged: boolean;
}

export type PlannedBase =
    /** The program names it. */
    | { readonly kind: "given" }
    | { readonly kind: "image" | "recipe"; readonly id: string }
    | { readonly kind: "image" | "recipe"; readonly name: string }
    /** Another image of the file, by its key. */
    | { readonly kind: "ref"; readonly key: string };

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What is to be made of a file, and everything that is in the way; complete only where there is nothing. */
export function planImages(
    text: string,
    options: PlanOptions,
): { images: PlannedImage[]; problems: FileProblem[] } {
    const file = new YamlFile(text);
    // Of a file that is no YAML nothing more can be said.
    const images = file.problems.length > 0 ? [] : new Plan(file, options).make();
    return { images, problems: file.problems.sort((a, b) => a.line - b.line) };
}

class Plan {
    private readonly images: readonly FileImage[];
    private readonly references: References;
    private readonly names = new Map<FileImage, string>();

    constructor(
        private readonly file: YamlFile,
        private readonly options: PlanOptions,
    ) {
        this.images = readImages(file);
        this.references = new References(this.images, file);
    }

    make(): PlannedImage[] {
        const order = this.references.inOrder();
        for (const image of order) this.nameImage(image);
        this.checkOptions();
        return order.map((image) => this.planned(image)).filter((image) => image !== undefined);
    }

    private nameImage(image: FileImage): void {
        if (!image.name) return;
        const { place } = image.name;
        const name = this.rendered(image.name, (variable) =>
            variable === "base.name" ? this.baseName(image) : this.variable(variable),
        );
        if (name === undefined) return;
        const problem = templateNameProblem(name);
        if (problem !== undefined) this.file.problem(place, `${JSON.stringify(name)} ${problem}`);
        const first = this.madeAs(name);
        if (first) this.file.problem(place, `is also that of the image on line ${first.place.line}`);
        else this.names.set(image, name);
    }

    /** What `sat` calls `base.name`. Of a base by id, or of a product, only the program can know it. */
    private baseName(image: FileImage): string | undefined {
        if (image.base?.kind === "name") return image.base.text.value;
        const base = this.references.baseOf(image);
        return base ? this.names.get(base) : this.variable("base.name");
    }

    private variable(path: string): string | undefined {
        return variableIn(this.options.variables, path);
    }

    private madeAs(name: string): FileImage | undefined {
        return [...this.names].find(([, other]) => other === name)?.[0];
    }

    private planned(image: FileImage): PlannedImage | undefined {
        for (const text of [image.refName, ...image.groups]) this.checkPlain(text);
        this.checkIfExists(image);
        const name = this.names.get(image);
        const key = this.keyOf(image);
        const { base: hasBase, steps: hasSteps } = this.given(key);
        const base = hasBase ? { kind: "given" as const } : this.baseOf(image);
        const configuration = this.configurationOf(image);
        const isChanged = image.configuration !== undefined || hasSteps;
        if (!isChanged) this.checkBuilt(image);
        if (key === undefined || name === undefined || !base) return undefined;
        const groups = image.groups.map(({ value }) => value);
        const known = { key, name, base, groups, isChanged };
        return configuration === undefined ? known : { ...known, configuration };
    }

    private keyOf(image: FileImage): string | undefined {
        return image.refName?.value ?? this.names.get(image);
    }

    private given(key: string | undefined): { base: boolean; steps: boolean } {
        const given = key === undefined ? undefined : this.options.images[key];
        return given ?? { base: false, steps: false };
    }

    private baseOf(image: FileImage): PlannedBase | undefined {
        const { base } = image;
        switch (base?.kind) {
            case undefined:
                return undefined;
            case "product":
                this.file.problem(
                    base.place,
                    "is looked up in the product catalog by sat, and not here: give the image it means as " +
                        this.option(image, "baseImage"),
                );
                return undefined;
            case "ref":
                return { kind: "ref", key: base.text.value };
            case "id":
                if (ID.test(base.text.value)) return { kind: base.type, id: base.text.value };
                this.file.problem(base.text.place, "is not an id of IMS, which is a UUID");
                return undefined;
            case "name":
                return this.namedBase(base.type, base.text);
        }
    }

    private namedBase(kind: "image" | "recipe", text: Text): PlannedBase | undefined {
        const name = this.rendered(text, (variable) => this.variable(variable));
        if (name === undefined) return undefined;
        const made = kind === "image" ? this.madeAs(name) : undefined;
        if (!made) return { kind, name };
        this.file.problem(
            text.place,
            `is the image of line ${made.place.line}, which is still to be made: give that one a ref_name, and name it ` +
                "by image_ref",
        );
        return undefined;
    }

    private configurationOf({ configuration }: FileImage): string | undefined {
        if (!configuration) return undefined;
        const name = this.rendered(configuration, (variable) => this.variable(variable));
        if (name === undefined || this.options.configurations.includes(name)) return name;
        this.file.problem(
            configuration.place,
            `${JSON.stringify(name)} is a configuration of CFS, which sat plays in a session of its own: give what it ` +
                `does as configurations[${JSON.stringify(name)}]`,
        );
        return undefined;
    }

    /** What is built from a recipe is an image by itself. */
    private checkBuilt(image: FileImage): void {
        if (image.base && "type" in image.base && image.base.type === "recipe") return;
        this.file.problem(
            image.place,
            `has no configuration, so that nothing of its base would change: give ${this.option(image, "steps")}, or use ` +
                "its base itself",
        );
    }

    /** Where the program gives what the file leaves out. */
    private option(image: FileImage, name: string): string {
        const key = this.keyOf(image);
        return key === undefined ? `${name} in images` : `images[${JSON.stringify(key)}].${name}`;
    }

    private checkIfExists({ ifExists }: FileImage): void {
        if (!ifExists || ifExists.value === "overwrite") return;
        this.file.problem(
            ifExists.place,
            `${ifExists.value} cannot be done: whether an image is made follows from the stack's state, and not from its ` +
                "name. Remove it, or say overwrite: a new image is made before the old one is deleted",
        );
    }

    /** Images that the program names and the file does not have. */
    private checkOptions(): void {
        const known = this.images.map((image) => this.keyOf(image)).filter((key) => key !== undefined);
        for (const key of Object.keys(this.options.images)) {
            if (known.includes(key)) continue;
            const meant = closest(key, known);
            const hint = meant === undefined ? `there are ${known.join(", ")}` : `did you mean ${meant}?`;
            this.file.problem(
                { line: 1, path: "images" },
                `none is called ${JSON.stringify(key)}, as the program's options say: ${hint}`,
            );
        }
    }

    private rendered(text: Text, valueOf: (variable: string) => string | undefined): string | undefined {
        const rendered = render(text.value, valueOf);
        if ("text" in rendered) return rendered.text;
        for (const problem of rendered.problems) this.file.problem(text.place, problem);
        return undefined;
    }

    private checkPlain(text: Text | undefined): void {
        if (text && isTemplate(text.value))
            this.file.problem(text.place, "must be plain text: sat renders no template here");
    }
}
