import { z } from "zod";
import type { ImsJobRequest } from "./api";
import { templateName } from "./fields";
import type { Meant } from "./meantRecord";

const size = (): z.ZodNumber => z.number().int().min(1, "must be at least 1 GiB");

/** The inputs that every image has which a job makes. */
export const jobFields = {
    connection: z.string().min(1).optional().meta({ control: true }),
    name: templateName("name").meta({ replaces: true }),
    kernelFileName: templateName("kernelFileName").optional().meta({ replaces: true }),
    initrdFileName: templateName("initrdFileName").optional().meta({ replaces: true }),
    buildEnvSize: size().optional().meta({ control: true }),
    jobMemSize: size().optional().meta({ control: true }),
    requireDkms: z.boolean().optional().meta({ replaces: true }),
    metadata: z.record(z.string().min(1), z.string()).optional(),
    arch: z.enum(["x86_64", "aarch64"]).optional(),
    permanentDelete: z.boolean().optional().meta({ control: true }),

    endpoint: z.string().meta({ derived: true }),
};

type JobInputs = z.output<z.ZodObject<typeof jobFields>>;

/** What is named by id, or by an exact name, which several may have. What counts is what is meant by it. */
export function meantField(): z.ZodType<Meant, Meant> {
    const name = z.string().min(1, "must not be empty");
    return z
        .union([name, z.strictObject({ name, pick: z.enum(["only", "newest"]).optional() })])
        .meta({ control: true });
}

/** The part of a job's request that follows from them; what is not given is not sent. */
export function jobRequest(
    { name, kernelFileName, initrdFileName, buildEnvSize, jobMemSize, requireDkms }: JobInputs,
    job: Pick<ImsJobRequest, "job_type" | "artifact_id" | "public_key_id" | "ssh_containers">,
): ImsJobRequest {
    return {
        ...job,
        image_root_archive_name: name,
        ...(kernelFileName === undefined ? {} : { kernel_file_name: kernelFileName }),
        ...(initrdFileName === undefined ? {} : { initrd_file_name: initrdFileName }),
        ...(buildEnvSize === undefined ? {} : { build_env_size: buildEnvSize }),
        ...(jobMemSize === undefined ? {} : { job_mem_size: jobMemSize }),
        ...(requireDkms === undefined ? {} : { require_dkms: requireDkms }),
    };
}
