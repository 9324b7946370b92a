import { notBlank, readFields, required } from "./fields";
import { expectUndelete, found, input } from "./records";
import { created, NO_CONTENT, ok, type Call, type Outcome } from "./service";
import type { PublicKey } from "../store";

const SCHEMA = { name: required(notBlank("name")), public_key: required(notBlank("public_key")) };

export function create(call: Call): Outcome {
    const { store } = call.service;
    const fields = readFields(SCHEMA, input(call)) as unknown as Pick<PublicKey, "name" | "public_key">;
    return created(store.publicKeys.put({ ...fields, id: store.newId(), created: store.now() }));
}

export function list({ service }: Call): Outcome {
    return ok(service.store.publicKeys.list());
}

export function get({ service, id }: Call): Outcome {
    return ok(found(service.store.publicKeys.get(id)));
}

export function remove(call: Call): Outcome {
    removeRecord(found(call.service.store.publicKeys.get(call.id)), call);
    return NO_CONTENT;
}

export function removeAll(call: Call): Outcome {
    for (const key of call.service.store.publicKeys.list()) removeRecord(key, call);
    return NO_CONTENT;
}

function removeRecord(key: PublicKey, { service: { store }, version }: Call): void {
    if (version === "v3") store.publicKeys.moveToDeleted({ ...key, deleted: store.now() });
    else store.publicKeys.remove(key.id);
}

export function listDeleted({ service }: Call): Outcome {
    return ok(service.store.publicKeys.listDeleted());
}

export function getDeleted({ service, id }: Call): Outcome {
    return ok(found(service.store.publicKeys.getDeleted(id)));
}

export function forget({ service: { store }, id }: Call): Outcome {
    store.publicKeys.forget(found(store.publicKeys.getDeleted(id)).id);
    return NO_CONTENT;
}

export function forgetAll({ service: { store } }: Call): Outcome {
    for (const { id } of store.publicKeys.listDeleted()) store.publicKeys.forget(id);
    return NO_CONTENT;
}

export function undelete(call: Call): Outcome {
    const key = found(call.service.store.publicKeys.getDeleted(call.id));
    expectUndelete(call);
    moveBack(key, call);
    return NO_CONTENT;
}

export function undeleteAll(call: Call): Outcome {
    expectUndelete(call);
    for (const key of call.service.store.publicKeys.listDeleted()) moveBack(key, call);
    return NO_CONTENT;
}

function moveBack(key: PublicKey, { service }: Call): void {
    service.store.publicKeys.moveBack(key);
}
