// Linear light to display values: exposure, tone curve, sRGB transfer (IEC 61966-2-1).
#ifdef TONE_ACES
// ACES reference rendering and output transform, Stephen Hill's fit (matrices columnwise).
const mat3 ACES_IN = mat3(0.59719, 0.07600, 0.02840, 0.35458, 0.90834, 0.13383, 0.04823, 0.01566, 0.83777);
const mat3 ACES_OUT = mat3(1.60475, -0.10208, -0.00327, -0.53108, 1.10813, -0.07276, -0.07367, -0.00605, 1.07602);

vec3 tone_mapped(vec3 color) {
    vec3 c = ACES_IN * (color / 0.6);
    c = (c * (c + 0.0245786) - 0.000090537) / (c * (0.983729 * c + 0.4329510) + 0.238081);
    return clamp(ACES_OUT * c, 0.0, 1.0);
}
#elif defined(TONE_NEUTRAL)
// Khronos PBR neutral tone mapper (specification of 2024): base colours pass, highlights are compressed.
vec3 tone_mapped(vec3 color) {
    float low = min(color.r, min(color.g, color.b));
    color -= low < 0.08 ? low - 6.25 * low * low : 0.04;
    float peak = max(color.r, max(color.g, color.b));
    if (peak < 0.76) return color;
    float pressed = 1.0 - 0.0576 / (peak - 0.52);
    color *= pressed / peak;
    return mix(vec3(pressed), color, 1.0 / (0.15 * (peak - pressed) + 1.0));
}
#else
vec3 tone_mapped(vec3 color) {
    return clamp(color, 0.0, 1.0);
}
#endif

// The curve's power, fitted with roots: within 0.1 / 255, and a third of the work where a CPU draws.
vec3 srgb_encoded(vec3 linear) {
    vec3 root = sqrt(linear);
    vec3 curve = 0.83373236 * root + 0.29813040 * sqrt(root) - (0.07690928 + 0.05531428 * linear);
    return mix(curve, linear * 12.92, lessThanEqual(linear, vec3(0.0031308)));
}
