/** The part of s3rver that the tests use; it comes without types. */
declare module "s3rver" {
    class S3rver {
        constructor(options: {
            address: string;
            port: number;
            silent: boolean;
            directory: string;
            configureBuckets: { name: string; configs: string[] }[];
        });
        readonly store: {
            getResourcePath(bucket: string, key: string | undefined, resource: string): string;
        };
        run(): Promise<{ port: number }>;
        close(): Promise<void>;
    }
    export = S3rver;
}
