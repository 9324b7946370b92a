import { z } from "zod";
import { expectations } from "../image/expect.schema";

const { packages, kernel, files, units, severity } = expectations.shape;

const bytes = z.number().int("must be whole bytes").positive("must be more than 0 bytes");

const modules = z.array(
    z
        .string()
        .regex(
            /^[A-Za-z0-9][A-Za-z0-9+._-]*$/,
            "must be the name of a DKMS module, for example mlnx-ofed-kernel",
        ),
);

/** `verify` of an `ApplianceImage`. */
export const verification = z.strictObject({
    packages,
    kernel,
    files,
    units,
    dkms: modules.optional(),
    compiler: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/, "must be the name of a program, for example gcc-14")
        .optional(),
    maxSizeBytes: bytes.optional(),
    iso: z
        .strictObject({
            label: z.string().min(1, "must not be empty").max(32, "must be at most 32 characters").optional(),
            menu: z.array(z.string().min(1, "must not be empty")).optional(),
            maxSizeBytes: bytes.optional(),
        })
        .optional(),
    severity,
});

export type CheckedVerification = z.output<typeof verification>;
