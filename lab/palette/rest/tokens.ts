import * as crypto from "node:crypto";
import type { RegistrationToken } from "../store";
import {
    newRecord,
    refuseProject,
    shownMetadata,
    visible,
    type Call,
    type Metadata,
    type PaletteService,
} from "./call";
import { notFound } from "./errors";

const KIND = "EdgeToken";
const USUAL_LIFE_MS = 30 * 24 * 60 * 60_000;

interface Request {
    metadata?: Metadata;
    spec?: { defaultProjectUid?: string; expiry?: string };
}

export function create(call: Call): object {
    refuseProject(call);
    const { store } = call.service;
    const { metadata = {}, spec = {} } = call.body as Request;
    const { uid } = store.tokens.put({
        ...newRecord(store, metadata),
        token: crypto.randomBytes(24).toString("base64"),
        expiry: spec.expiry ?? new Date(store.now() + USUAL_LIFE_MS).toISOString(),
        isActive: true,
        ...defaultProject(call.service, spec.defaultProjectUid),
    });
    return { uid };
}

export function list(call: Call): object {
    refuseProject(call);
    return { items: call.service.store.tokens.list().map((token) => shown(call.service, token)) };
}

export function get(call: Call): object {
    refuseProject(call);
    return shown(call.service, visible(call, KIND, call.service.store.tokens));
}

export function update(call: Call): void {
    refuseProject(call);
    const { store } = call.service;
    const token = { ...visible(call, KIND, store.tokens) };
    delete token.defaultProjectUid;
    const { metadata = {}, spec = {} } = call.body as Request;
    const { name = token.name, labels = {}, annotations = {} } = metadata;
    store.tokens.put({
        ...token,
        ...{ name, labels, annotations, changedAt: store.time() },
        ...(spec.expiry === undefined ? {} : { expiry: spec.expiry }),
        ...defaultProject(call.service, spec.defaultProjectUid),
    });
}

export function setState(call: Call): void {
    refuseProject(call);
    const { store } = call.service;
    const token = visible(call, KIND, store.tokens);
    const { isActive = false } = call.body as { isActive?: boolean };
    store.tokens.put({ ...token, isActive, changedAt: store.time() });
}

export function remove(call: Call): void {
    refuseProject(call);
    const { store } = call.service;
    store.tokens.remove(visible(call, KIND, store.tokens).uid);
}

function defaultProject({ store }: PaletteService, uid: string | undefined): { defaultProjectUid?: string } {
    if (uid === undefined || uid === "") return {};
    if (!store.projects.some((project) => project.uid === uid)) throw notFound("Project", uid);
    return { defaultProjectUid: uid };
}

function shown({ store }: PaletteService, record: RegistrationToken): object {
    const { token, expiry, defaultProjectUid, isActive } = record;
    const project = store.projects.find(({ uid }) => uid === defaultProjectUid);
    return {
        metadata: shownMetadata(record),
        spec: { token, expiry, ...(project ? { defaultProject: project } : {}) },
        status: { isActive },
    };
}
