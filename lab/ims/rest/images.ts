import type { Image, Link } from "../store";
import {
    isFields,
    nested,
    nullable,
    oneOf,
    readFields,
    required,
    text,
    textMap,
    notBlank,
    type Values,
} from "./fields";
import { LINK, shown } from "./link";
import { validateImageManifest } from "./manifest";
import { DETERMINE, patchConflict, Problem, unhandled } from "./problem";
import { expectUndelete, found, input } from "./records";
import { created, NO_CONTENT, ok, type Call, type ImsService, type Outcome } from "./service";
import { hideObjects, removeObjects, restoreObjects } from "./softDelete";

const ARCH = oneOf(["aarch64", "x86_64"], "Must be one of: aarch64, x86_64.");

const CREATE = { name: required(notBlank("name")), link: nullable(LINK), arch: ARCH, metadata: textMap() };

const PATCH = {
    link: LINK,
    arch: ARCH,
    metadata: nested({
        operation: required(oneOf(["set", "remove"], "Must be one of: set, remove.")),
        key: required(text()),
        value: text(),
    }),
};

export async function create(call: Call): Promise<Outcome> {
    const { service } = call;
    const body = input(call);
    // The service asks for the body's keys before it has looked whether it has any.
    if (!isFields(body)) throw unhandled();
    const { name, link = null, arch = "x86_64", metadata = {} } = readFields(CREATE, body) as Partial<Image>;
    if (link) {
        await validateImageManifest(link, service.objects, "POST");
        refuseTakenPath(link, service);
    }
    const image = service.store.images.put({
        id: service.store.newId(),
        created: service.store.now(),
        name: name ?? "",
        // Stored with its default, unlike a link that a PATCH brings.
        link: shown(link),
        arch,
        metadata: pairAsMap(metadata),
    });
    return created(answer(image));
}

/** A map with a key named `key` is taken for one pair; what else is in it is lost. */
function pairAsMap(metadata: Record<string, string>): Record<string, string> {
    return metadata.key === undefined ? metadata : { [metadata.key]: metadata.value ?? "" };
}

function refuseTakenPath({ path }: Link, { store }: ImsService): void {
    const other = store.images.list().find((image) => image.link?.path === path);
    if (!other) return;
    throw new Problem(
        422,
        `The link path ${path} matches the link path for the IMS image record ${other.id}. The link value must be unique and cannot be duplicated. ${DETERMINE}`,
    );
}

function answer(image: Image): Image {
    return { ...image, link: shown(image.link) };
}

export function list({ service }: Call): Outcome {
    return ok(service.store.images.list().map(answer));
}

export function get({ service, id }: Call): Outcome {
    return ok(answer(found(service.store.images.get(id))));
}

/** Takes the fields in the order of the body; what was taken before one that is refused, stays. */
export async function patch(call: Call): Promise<Outcome> {
    const { service, id } = call;
    found(service.store.images.get(id));
    const body = input(call) as Values;
    const fields = readFields(PATCH, body);
    for (const name of Object.keys(body)) await patchField(name, fields[name], call);
    return ok(answer(found(service.store.images.get(id))));
}

async function patchField(name: string, value: unknown, { service, id }: Call): Promise<void> {
    const { images } = service.store;
    const image = found(images.get(id));
    if (name === "arch") images.put({ ...image, arch: value as string });
    if (name === "metadata")
        images.put({ ...image, metadata: patchedMetadata(image, value as MetadataPatch) });
    if (name === "link") await patchLink(image, value as Link, service);
}

interface MetadataPatch {
    readonly operation: "set" | "remove";
    readonly key: string;
    readonly value?: string;
}

function patchedMetadata(
    { metadata }: Image,
    { operation, key, value }: MetadataPatch,
): Record<string, string> {
    if (operation === "set") return { ...metadata, [key]: value ?? "" };
    return Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key));
}

async function patchLink(image: Image, link: Link, service: ImsService): Promise<void> {
    if (image.link) {
        if (isSame(image.link, link)) return;
        throw patchConflict();
    }
    refuseTakenPath(link, service);
    await validateImageManifest(link, service.objects, "PATCH");
    service.store.images.put({ ...image, link });
}

/** As two Python dictionaries are equal: an absent etag is not an empty one. */
function isSame(a: Link, b: Link): boolean {
    return a.path === b.path && a.type === b.type && a.etag === b.etag;
}

export async function remove(call: Call): Promise<Outcome> {
    await removeRecord(found(call.service.store.images.get(call.id)), call);
    return NO_CONTENT;
}

export async function removeAll(call: Call): Promise<Outcome> {
    for (const image of call.service.store.images.list()) await removeRecord(image, call);
    return NO_CONTENT;
}

async function removeRecord(image: Image, { service, version, query }: Call): Promise<void> {
    const { store, objects } = service;
    if (version === "v3") {
        const link = await hideObjects(image, objects, store.now());
        store.images.moveToDeleted({ ...image, link, deleted: store.now() });
        return;
    }
    if (query.get("cascade")?.toLowerCase() !== "false") await removeObjects(image, objects);
    store.images.remove(image.id);
}

export function listDeleted({ service }: Call): Outcome {
    return ok(service.store.images.listDeleted().map(answer));
}

export function getDeleted({ service, id }: Call): Outcome {
    return ok(answer(found(service.store.images.getDeleted(id))));
}

export async function forget(call: Call): Promise<Outcome> {
    await forgetRecord(found(call.service.store.images.getDeleted(call.id)), call);
    return NO_CONTENT;
}

export async function forgetAll(call: Call): Promise<Outcome> {
    for (const image of call.service.store.images.listDeleted()) await forgetRecord(image, call);
    return NO_CONTENT;
}

async function forgetRecord(image: Image, { service: { store, objects } }: Call): Promise<void> {
    await removeObjects(image, objects);
    store.images.forget(image.id);
}

export async function undelete(call: Call): Promise<Outcome> {
    const image = found(call.service.store.images.getDeleted(call.id));
    expectUndelete(call);
    await moveBack(image, call);
    return NO_CONTENT;
}

export async function undeleteAll(call: Call): Promise<Outcome> {
    expectUndelete(call);
    for (const image of call.service.store.images.listDeleted()) await moveBack(image, call);
    return NO_CONTENT;
}

async function moveBack(image: Image, { service: { store, objects } }: Call): Promise<void> {
    store.images.moveBack({ ...image, link: await restoreObjects(image, objects) });
}
