// Bundles, and pages in Chromium.
export function testBundlers() {}
