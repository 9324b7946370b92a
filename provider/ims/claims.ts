/** The metadata key that says whose an image is. */
export const IMS_CLAIM_KEY = "pulumi-edge-os/claim";
/** The metadata key that says what it was made of, so that it need not be made again. */
export const IMS_CONTENT_KEY = "pulumi-edge-os/content";
