import type { YamlFile } from "./document";
import { type Place, type Text } from "./document";

/** An image of a file for `sat bootprep`, as it is written there. */
export interface FileImage {
    readonly place: Place;
    /** Absent, as the base, where it is a problem already. */
    readonly name?: Text;
    readonly refName?: Text;
    readonly base?: FileBase;
    readonly configuration?: Text;
    readonly groups: readonly Text[];
    readonly ifExists?: { readonly value: IfExists; readonly place: Place };
}

export type FileBase =
    | { readonly kind: "name" | "id"; readonly type: BaseType; readonly text: Text }
    | { readonly kind: "product"; readonly place: Place }
    | { readonly kind: "ref"; readonly text: Text };

const BASE_TYPES = ["recipe", "image"] as const;
type BaseType = (typeof BASE_TYPES)[number];
const IF_EXISTS = ["skip", "overwrite", "abort"] as const;
type IfExists = (typeof IF_EXISTS)[number];

const SECTIONS = ["schema_version", "configurations", "images", "session_templates"];
const COMMON = ["name", "description", "configuration", "configuration_group_names", "if_exists"];
/** The version of the schema that is known here. */
const SCHEMA = { major: 1, minor: 0, patch: 9 };

/** Reads the images of a file; what does not fit the schema is among the file's problems. */
export function readImages(file: YamlFile): FileImage[] {
    if (file.problems.length > 0) return [];
    const sections = file.fields(file.root, SECTIONS);
    const version = sections?.get("schema_version");
    if (version) checkVersion(version, file);
    const images = sections?.get("images");
    const items = (images && file.items(images)) ?? [];
    return items.map((item) => readImage(item, file)).filter((image) => image !== undefined);
}

function checkVersion(place: Place, file: YamlFile): void {
    const text = file.text(place);
    if (!text) return;
    const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(text.value)?.map(Number) ?? [];
    if (major === undefined || minor === undefined || patch === undefined) {
        file.problem(place, "must be three numbers, such as 1.0.9");
        return;
    }
    const isNewer =
        major > SCHEMA.major ||
        (major === SCHEMA.major &&
            (minor > SCHEMA.minor || (minor === SCHEMA.minor && patch > SCHEMA.patch)));
    const known = `${SCHEMA.major}.${SCHEMA.minor}.${SCHEMA.patch}`;
    if (isNewer) file.problem(place, `is newer than ${known}, the newest that is known here`);
    else if (major < SCHEMA.major) file.problem(place, `is of an older form than that of ${known}`);
}

function readImage(place: Place, file: YamlFile): FileImage | undefined {
    const fields = file.fields(place, [...COMMON, "ref_name", "base", "ims"]);
    if (!fields) return undefined;
    const text = (name: string): Text | undefined => {
        const field = fields.get(name);
        return field === undefined ? undefined : file.text(field);
    };
    file.required(fields, "name", place);
    const name = text("name");
    const refName = text("ref_name");
    text("description");
    const base = readBase(fields, place, file);
    const configuration = text("configuration");
    if (fields.has("configuration") && !fields.has("configuration_group_names"))
        file.problem(place, "needs configuration_group_names, since it has a configuration");
    const groups = readGroups(fields.get("configuration_group_names"), file);
    const ifExists = readIfExists(fields.get("if_exists"), file);
    return {
        ...{ place, groups },
        ...(name ? { name } : {}),
        ...(base ? { base } : {}),
        ...(refName ? { refName } : {}),
        ...(configuration ? { configuration } : {}),
        ...(ifExists ? { ifExists } : {}),
    };
}

function readGroups(place: Place | undefined, file: YamlFile): Text[] {
    const items = (place && file.items(place)) ?? [];
    return items.map((item) => file.text(item)).filter((text) => text !== undefined);
}

function readIfExists(place: Place | undefined, file: YamlFile): FileImage["ifExists"] {
    if (!place) return undefined;
    const value = file.choice(place, IF_EXISTS);
    return value === undefined ? undefined : { value, place };
}

/** `base`, or `ims` beside the name: the form of older files, which has no `ref_name`. */
function readBase(fields: ReadonlyMap<string, Place>, image: Place, file: YamlFile): FileBase | undefined {
    const [base, old] = [fields.get("base"), fields.get("ims")];
    if (base && old) {
        file.problem(old, "is the older form of base: only one of them may be there");
        return undefined;
    }
    if (!old) return base ? readNewBase(base, file) : void file.required(fields, "base", image);
    const refName = fields.get("ref_name");
    if (refName) file.problem(refName, "does not go with the older form ims: write base: { ims: … }");
    return readIms(old, "is_recipe", file);
}

function readNewBase(place: Place, file: YamlFile): FileBase | undefined {
    const fields = file.fields(place, ["ims", "product", "image_ref"]);
    if (!fields) return undefined;
    const [first, ...more] = [...fields.values()];
    if (!first || more.length > 0) {
        file.problem(place, "must have one of ims, product and image_ref");
        return undefined;
    }
    const { ims, product, image_ref: ref } = Object.fromEntries(fields);
    if (ims) return readIms(ims, "type", file);
    if (product) return readProduct(product, file);
    const text = ref && file.text(ref);
    return text && { kind: "ref", text };
}

function readIms(place: Place, typeField: "type" | "is_recipe", file: YamlFile): FileBase | undefined {
    const fields = file.fields(place, ["name", "id", typeField]);
    if (!fields) return undefined;
    const typePlace = file.required(fields, typeField, place);
    const type = typePlace && readType(typePlace, typeField, file);
    const [name, id] = [fields.get("name"), fields.get("id")];
    if ((name === undefined) === (id === undefined)) {
        file.problem(place, "must have either name or id");
        return undefined;
    }
    const given = name ?? id;
    const text = given && file.text(given);
    return text && type && { kind: name ? "name" : "id", type, text };
}

function readType(place: Place, field: "type" | "is_recipe", file: YamlFile): BaseType | undefined {
    if (field === "type") return file.choice(place, BASE_TYPES);
    const isRecipe = file.flag(place);
    return isRecipe === undefined ? undefined : isRecipe ? "recipe" : "image";
}

/** Only its form counts: which image it means is known to the system's product catalog alone. */
function readProduct(place: Place, file: YamlFile): FileBase | undefined {
    const fields = file.fields(place, ["name", "version", "type", "filter"]);
    if (!fields) return undefined;
    const name = file.required(fields, "name", place);
    const type = file.required(fields, "type", place);
    if (name) file.text(name);
    if (type) file.choice(type, BASE_TYPES);
    const version = fields.get("version");
    if (version) file.text(version);
    const filter = fields.get("filter");
    if (filter) checkFilter(filter, file);
    return { kind: "product", place };
}

function checkFilter(place: Place, file: YamlFile): void {
    const names = ["prefix", "wildcard", "arch"];
    const fields = file.fields(place, names);
    if (!fields) return;
    if (fields.size === 0) file.problem(place, `needs one of ${names.join(", ")}`);
    for (const [name, field] of fields) {
        const text = names.includes(name) ? file.text(field) : undefined;
        if (text?.value === "" && name !== "prefix") file.problem(field, "must not be empty");
    }
}
