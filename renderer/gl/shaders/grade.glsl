// The colour table of an avatar package: 16 slices of 16 x 16, read without the half texel that would make an even
// table do nothing, as the platform's own renderer reads it; it fades out where red or green is near 0.
uniform sampler2D u_color_table;

vec3 graded(vec3 color) {
    float slice = color.b * 15.0;
    float lower = floor(slice);
    vec2 at = color.rg * 15.0;
    float v = at.y / 16.0;
    vec3 below = texture(u_color_table, vec2((16.0 * lower + at.x) / 256.0, v)).rgb;
    vec3 above = texture(u_color_table, vec2((16.0 * min(lower + 1.0, 15.0) + at.x) / 256.0, v)).rgb;
    vec2 edge = min(at, 16.0 - at);
    return mix(color, mix(below, above, slice - lower), smoothstep(0.0, 0.5, clamp(min(edge.x, edge.y), 0.0, 0.5)));
}
