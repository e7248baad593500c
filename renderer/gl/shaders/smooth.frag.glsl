// Geometric post-process anti-aliasing (Persson, GPU Pro 2, 2011): a pixel that an edge cuts takes as much of its
// neighbour beyond the edge as the edge leaves of it to that neighbour.
in float v_aside;
flat in ivec2 v_across;
uniform sampler2D u_picture;
out vec4 out_color;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 there = clamp(here - (v_aside > 0.0 ? v_across : -v_across), ivec2(0), textureSize(u_picture, 0) - 1);
    out_color = mix(texelFetch(u_picture, here, 0), texelFetch(u_picture, there, 0), max(0.5 - abs(v_aside), 0.0));
}
