import { z } from "zod";
import { serialPattern } from "../qemu/serialWatch";

const pattern = z.string().min(1, "must not be empty").refine(isPattern, {
    message: 'is no regular expression: it must be text, or an expression between slashes: "/login: $/m"',
});

const unit = z.string().regex(/^[A-Za-z0-9:_.@\\-]+\.(service|socket|timer|target)$/, {
    message: "must be a unit with its kind, for example lldpd.service",
});

const place = z.string().regex(/^\/[A-Za-z0-9/._@+:-]+$/, {
    message: "must be an absolute path of letters, digits and / . _ @ + : -, for example /etc/modprobe.d",
});

/** `smokeTest` of an `ApplianceImage`, beyond `true`. */
export const smokeTestOptions = z.strictObject({
    firmware: z
        .array(z.enum(["bios", "uefi"]))
        .min(1, "must be at least one firmware")
        .default(["bios", "uefi"]),
    memoryMb: z.number().int().min(256, "must be at least 256 MiB").default(10_096),
    cores: z.number().int().min(1, "must be at least 1").max(64, "must be at most 64").default(5),
    cpu: z
        .string()
        .regex(/^[A-Za-z0-9_.,+=-]+$/, "must be a processor model of QEMU, for example host or qemu64")
        .optional(),
    accel: z.enum(["auto", "kvm", "tcg"]).default("auto"),
    timeoutSeconds: z
        .number()
        .positive("must be more than 0 seconds")
        .max(7200, "must be at most 7200")
        .default(900),
    /** Which entry of the boot menu, from 0; null: what the menu takes itself. */
    menuEntry: z.number().int().min(0).max(20).nullable().default(1),
    until: z.array(pattern).min(1, "must be at least one text").default(["login:"]),
    failOn: z.array(pattern).default([]),
    login: z
        .strictObject({
            user: z.string().regex(/^[a-z_][a-z0-9_-]*$/, "must be the name of a user"),
            password: z.string().optional(),
        })
        .nullable()
        .default({ user: "root" }),
    prompt: pattern.default("/[#$] $/"),
    services: z.array(unit).default(["kairos-agent.service", "kairos-installer.service", "lldpd.service"]),
    /** Default: with an appliance that has DOCA. */
    mst: z.boolean().optional(),
    install: z
        .union([
            z.boolean(),
            z.strictObject({
                diskGb: z.number().int().min(1).max(2000).default(60),
                timeoutSeconds: z.number().positive().max(14_400, "must be at most 14400").default(3600),
                menuEntry: z.number().int().min(0).max(20).nullable().default(0),
                services: z.array(unit).default([]),
                persistentPaths: z.array(place).default([]),
            }),
        ])
        .default(false),
});

export type SmokeTestOptions = z.output<typeof smokeTestOptions>;
export type InstallOptions = Exclude<SmokeTestOptions["install"], boolean>;

function isPattern(text: string): boolean {
    try {
        serialPattern(text);
        return true;
    } catch {
        return false;
    }
}
