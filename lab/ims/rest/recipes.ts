import { pathOf, type ObjectPlace } from "../objects";
import type { Link, Recipe } from "../store";
import {
    boolean,
    listOf,
    notBlank,
    nullable,
    oneOf,
    readFields,
    required,
    text,
    withDefault,
    type Values,
} from "./fields";
import { existing, LINK, shown } from "./link";
import { patchConflict } from "./problem";
import { expectUndelete, found, input } from "./records";
import { created, NO_CONTENT, ok, type Call, type Outcome } from "./service";
import { hidden, moveObject, unhidden } from "./softDelete";

const ARCH = oneOf(["aarch64", "x86_64"], "Must be one of: aarch64, x86_64.");
const TEMPLATE = listOf({ key: required(text()), value: required(text()) });

const CREATE = {
    name: required(notBlank("name")),
    link: withDefault(nullable(LINK), () => null),
    recipe_type: required(oneOf(["kiwi-ng", "packer"], "Recipe type must be one of: kiwi-ng, packer.")),
    linux_distribution: required(
        oneOf(["sles12", "sles15", "centos7"], "Recipe type must be one of: sles12, sles15, centos7."),
    ),
    template_dictionary: withDefault(TEMPLATE, () => []),
    require_dkms: withDefault(boolean(), () => true),
    arch: withDefault(ARCH, () => "x86_64"),
};

const PATCH = { link: LINK, arch: ARCH, require_dkms: boolean(), template_dictionary: TEMPLATE };

export async function create(call: Call): Promise<Outcome> {
    const { store, objects } = call.service;
    const fields = readFields(CREATE, input(call)) as unknown as Omit<Recipe, "id" | "created">;
    const link = shown(fields.link);
    if (link) await existing(link, objects);
    const recipe = { ...fields, link, id: store.newId(), created: store.now() };
    return created(answer(store.recipes.put(recipe)));
}

function answer(recipe: Recipe): Recipe {
    return { ...recipe, link: shown(recipe.link) };
}

export function list({ service }: Call): Outcome {
    return ok(service.store.recipes.list().map(answer));
}

export function get({ service, id }: Call): Outcome {
    return ok(answer(found(service.store.recipes.get(id))));
}

export async function patch(call: Call): Promise<Outcome> {
    const { store, objects } = call.service;
    const recipe = found(store.recipes.get(call.id));
    const fields = readFields(PATCH, input(call)) as Values & { link?: Link };
    if (fields.link) {
        const isSame = recipe.link?.path === fields.link.path && recipe.link.etag === fields.link.etag;
        if (recipe.link && !isSame) throw patchConflict();
        if (!recipe.link) await existing(fields.link, objects);
    }
    return ok(answer(store.recipes.put({ ...recipe, ...fields })));
}

export async function remove(call: Call): Promise<Outcome> {
    await removeRecord(found(call.service.store.recipes.get(call.id)), call);
    return NO_CONTENT;
}

export async function removeAll(call: Call): Promise<Outcome> {
    for (const recipe of call.service.store.recipes.list()) await removeRecord(recipe, call);
    return NO_CONTENT;
}

async function removeRecord(recipe: Recipe, { service: { store, objects }, version }: Call): Promise<void> {
    const move = recipe.link && hidden(recipe.link);
    if (version !== "v3") {
        if (move) await objects.remove(move.from);
        store.recipes.remove(recipe.id);
        return;
    }
    const moved = move && (await moveObject(move.from, move.to, objects));
    const link = moved ? movedLink(recipe.link, move.to) : recipe.link;
    store.recipes.moveToDeleted({ ...recipe, link, deleted: store.now() });
}

export function listDeleted({ service }: Call): Outcome {
    return ok(service.store.recipes.listDeleted().map(answer));
}

export function getDeleted({ service, id }: Call): Outcome {
    return ok(answer(found(service.store.recipes.getDeleted(id))));
}

export async function forget(call: Call): Promise<Outcome> {
    await forgetRecord(found(call.service.store.recipes.getDeleted(call.id)), call);
    return NO_CONTENT;
}

export async function forgetAll(call: Call): Promise<Outcome> {
    for (const recipe of call.service.store.recipes.listDeleted()) await forgetRecord(recipe, call);
    return NO_CONTENT;
}

async function forgetRecord(recipe: Recipe, { service: { store, objects } }: Call): Promise<void> {
    const place = recipe.link && unhidden(recipe.link);
    if (place) await objects.remove(place.from);
    store.recipes.forget(recipe.id);
}

export async function undelete(call: Call): Promise<Outcome> {
    const recipe = found(call.service.store.recipes.getDeleted(call.id));
    expectUndelete(call);
    await moveBack(recipe, call);
    return NO_CONTENT;
}

export async function undeleteAll(call: Call): Promise<Outcome> {
    expectUndelete(call);
    for (const recipe of call.service.store.recipes.listDeleted()) await moveBack(recipe, call);
    return NO_CONTENT;
}

async function moveBack(recipe: Recipe, { service: { store, objects } }: Call): Promise<void> {
    const move = recipe.link && unhidden(recipe.link);
    if (move) await moveObject(move.from, move.to, objects);
    store.recipes.moveBack({ ...recipe, link: move ? movedLink(recipe.link, move.to) : recipe.link });
}

function movedLink(link: Link | null, to: ObjectPlace): Link | null {
    return link && { ...link, path: pathOf(to) };
}
