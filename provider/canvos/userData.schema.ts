import * as net from "node:net";
import { z } from "zod";

/** The rules of Palette's installer reference for user-data. Messages never repeat a value, which may be a secret. */

/** An id with one of these is not accepted, or breaks the pages that show it. */
const FORBIDDEN = /[/?#&+%,$~!@*(){}|=;:<>'.^"]/;
const ID_MAX = 128;

const flag = z.boolean().optional();
const hostName =
    /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const absolutePath = z.string().regex(/^\/[^\0\n]*$/, "must be an absolute path");
const url = z.string().regex(/^(?:https?:\/\/[^\s]+)?$/, "must be a URL: http://proxy.example.com:3128");
const address = z.string().refine((text) => text === "" || net.isIP(text) !== 0, "must be an IP address");

const networkInterface = z
    .looseObject({
        type: z.enum(["static", "dhcp"]),
        ipAddress: z
            .string()
            .refine(isCidr, "must be an address with its prefix length: 10.0.10.25/24")
            .optional(),
        gateway: address.optional(),
        nameserver: address.optional(),
    })
    .superRefine(({ type, ipAddress, gateway }, context) => {
        if (type !== "static") return;
        for (const [key, value] of Object.entries({ ipAddress, gateway })) {
            if (value === undefined || value === "")
                context.addIssue({ code: "custom", path: [key], message: "is required with type: static" });
        }
    });

const site = z.looseObject({
    paletteEndpoint: z
        .string()
        .regex(
            /^[A-Za-z0-9.-]+(?::\d{1,5})?$/,
            "must be a host name without a scheme and without a path: api.spectrocloud.com",
        )
        .optional(),
    edgeHostToken: z.string().min(1, "must not be empty").regex(/^\S*$/, "must have no blanks").optional(),
    projectName: z.string().min(1, "must not be empty").optional(),
    projectUid: z.string().min(1, "must not be empty").optional(),
    name: z
        .string()
        .min(1, "must not be empty")
        .max(
            ID_MAX,
            `must have at most ${ID_MAX} characters: Palette cuts it off there, and ids become equal`,
        )
        .refine(
            (name) => !FORBIDDEN.test(name),
            `must have none of / ? # & + % , $ ~ ! @ * ( ) { } | = ; : < > ' . ^ "`,
        )
        .optional(),
    prefix: z
        .string()
        .regex(/^[A-Za-z0-9-]+$/, "may have letters, digits and - only")
        .optional(),
    hostName: z
        .string()
        .regex(hostName, "must be a host name: letters, digits, - and . between them")
        .optional(),
    disableAutoRegister: flag,
    tags: z
        .record(z.string(), z.string())
        .refine(
            (tags) => !Object.hasOwn(tags, "<<"),
            "must not have the key <<, which YAML takes for a merge",
        )
        .optional(),
    registrationURL: url.optional(),
    deviceUIDPaths: z
        .array(
            z.looseObject({
                name: absolutePath,
                regex: z.string().refine(isPattern, "must be a regular expression").optional(),
            }),
        )
        .optional(),
    insecureSkipVerify: flag,
    caCerts: z
        .array(z.string().regex(/-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM form"))
        .optional(),
    network: z
        .looseObject({
            httpProxy: url.optional(),
            httpsProxy: url.optional(),
            noProxy: z.string().optional(),
            nameserver: address.optional(),
            interfaces: z.record(z.string(), networkInterface).optional(),
        })
        .optional(),
});

const stylus = z
    .looseObject({
        managementMode: z.enum(["central", "local"]).optional(),
        debug: flag,
        site: site.optional(),
    })
    .superRefine(({ managementMode, site: given }, context) => {
        if (managementMode === "local") return;
        const missing = (key: string, message: string): void => {
            context.addIssue({ code: "custom", path: ["site", key], message });
        };
        if (given?.paletteEndpoint === undefined) {
            missing(
                "paletteEndpoint",
                "is required, unless managementMode is local: the host would not know its Palette",
            );
        }
        if (given?.edgeHostToken === undefined && given?.registrationURL === undefined) {
            missing("edgeHostToken", "is required, or registrationURL, unless managementMode is local");
        }
    });

const install = z
    .looseObject({
        device: z
            .string()
            .regex(/^(?:auto|\/dev\/\S+)$/, "must be auto or the path of a disk")
            .optional(),
        bind_mounts: z.array(absolutePath).optional(),
        grub_options: z.record(z.string(), z.string()).optional(),
        poweroff: flag,
        reboot: flag,
    })
    .superRefine(({ poweroff, reboot }, context) => {
        if (poweroff === true && reboot === true) context.addIssue("has both poweroff and reboot: give one");
    });

export const userDataSchema = z.looseObject({
    stylus: stylus.optional(),
    install: install.optional(),
    stages: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))).optional(),
});

function isCidr(text: string): boolean {
    const [ip = "", length = "", ...rest] = text.split("/");
    const family = net.isIP(ip);
    return (
        rest.length === 0 &&
        family !== 0 &&
        /^\d+$/.test(length) &&
        Number(length) <= (family === 4 ? 32 : 128)
    );
}

function isPattern(text: string): boolean {
    try {
        new RegExp(text);
        return true;
    } catch {
        return false;
    }
}
