/** Puts the k-th smallest of left..right at place k, with none larger before it and none smaller behind. */
declare module "quickselect" {
  export default function quickselect(values: Float64Array, k: number, left?: number, right?: number): void;
}
