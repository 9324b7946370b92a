import * as pulumi from "@pulumi/pulumi";
import { csvLine } from "../provider/emf/hostsCsvForm";
import type { GateErrorFile } from "../provider/emf/provisioningGate";
import type { HostSettings, Reference } from "./fleetSettings";
import { isNamedResource } from "./references";

/** A host as it is written into the file of failed hosts. */
export interface ErrorRow {
    label: string;
    serial?: string | undefined;
    uuid?: string | undefined;
    settings: HostSettings;
}

type Leaf = Reference | pulumi.Input<number> | undefined;

/** Pulumi ids of what EMF knows by name: `<project uid>/<name>`. */
const PULUMI_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/(.+)$/;

/**
 * The file's path and rows. What is only known later is asked for once and not for every row: a fleet has thousands
 * of rows and a handful of profiles and sites.
 */
export function gateErrorFile(path: string, rows: readonly ErrorRow[]): pulumi.Input<GateErrorFile> {
    const later = new Map<Leaf, pulumi.Output<unknown>>();
    const collect = (leaf: Leaf): string => {
        const output = later.has(leaf) ? undefined : outputOf(leaf);
        if (output) later.set(leaf, output);
        return "";
    };
    for (const row of rows) lineOf(row, collect);
    const file = (known: readonly unknown[]): GateErrorFile => {
        const values = new Map([...later.keys()].map((leaf, i) => [leaf, known[i]]));
        const value = (leaf: Leaf): string => textOf(values.has(leaf) ? values.get(leaf) : leaf);
        return { path, rows: Object.fromEntries(rows.map((row) => [row.label, lineOf(row, value)])) };
    };
    return later.size === 0 ? file([]) : pulumi.all([...later.values()]).apply(file);
}

/** All columns but the last. What orch-cli would do beside EMF (Kubernetes) is not asked for. */
function lineOf({ serial, uuid, settings }: ErrorRow, value: (leaf: Leaf) => string): string {
    const { metadata = {}, customConfigs = [] } = settings;
    const feature = value(settings.securityFeature).replace(/^SECURITY_FEATURE_/, "");
    return csvLine([
        serial ?? "",
        uuid ?? "",
        value(settings.osProfile),
        value(settings.site),
        feature === "" ? "" : String(feature === "SECURE_BOOT_AND_FULL_DISK_ENCRYPTION"),
        value(settings.localAccount),
        Object.entries(metadata)
            .map(([key, item]) => `${key}=${value(item)}`)
            .join("&"),
        value(settings.lvmSizeGb),
        customConfigs.map(value).join("&"),
        "",
        "",
        "",
    ]);
}

function outputOf(leaf: Leaf): pulumi.Output<unknown> | undefined {
    if (leaf === undefined || typeof leaf === "string" || typeof leaf === "number") return undefined;
    if (pulumi.Output.isInstance(leaf) || leaf instanceof Promise) return pulumi.output<unknown>(leaf);
    return isNamedResource(leaf) ? (leaf.name ?? leaf.id) : undefined;
}

function textOf(value: unknown): string {
    if (typeof value === "number") return String(value);
    return typeof value === "string" ? (PULUMI_ID.exec(value)?.[1] ?? value) : "";
}
