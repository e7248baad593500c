// Numbers of a cartoon material (VRMC_materials_mtoon 1.0). Layout: renderer/gl/blocks.py.
layout(std140) uniform Toon {
    vec4 u_shade;         // rgb: colour in shade, w: where shade begins
    vec4 u_toon;          // sharpness of the border, evenness of the surroundings' light, factor of the shift's texture
    vec4 u_matcap;        // rgb: factor
    vec4 u_rim;           // rgb: colour, w: lift
    vec4 u_rim_form;      // power, how much the light counts
    vec4 u_outline;       // rgb: colour, w: how much the light counts
    vec4 u_outline_form;  // width in metres or, y 1, as a share of the picture's height
    vec4 u_motion;        // texture coordinates a second in x and y, radians a second
};

// Texture coordinates at the picture's time: turned about the middle, then moved.
vec2 animated(vec2 uv, float share) {
    vec3 by = u_motion.xyz * u_clock.x * share;
    float c = cos(by.z), s = sin(by.z);
    uv -= 0.5;
    return vec2(c * uv.x + s * uv.y, c * uv.y - s * uv.x) + 0.5 + by.xy;
}
