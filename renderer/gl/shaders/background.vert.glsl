// One triangle over the whole picture, at the far plane. Ours.
out vec2 v_at;  // 0..1, (0, 0) is the picture's upper left corner
uniform float u_flip;

void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    v_at = vec2(corner.x, -corner.y * u_flip) * 0.5 + 0.5;
    gl_Position = vec4(corner, 1.0, 1.0);
}
