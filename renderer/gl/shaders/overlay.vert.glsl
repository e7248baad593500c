// A rectangle of the picture, from a strip of four corners. Ours.
uniform vec4 u_place;  // left, top, width, height; of the picture's, 0..1, from its upper left corner
out vec2 v_at;

void main() {
    v_at = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    vec2 at = u_place.xy + v_at * u_place.zw;
    gl_Position = vec4(2.0 * at.x - 1.0, 1.0 - 2.0 * at.y, 0.0, 1.0);
}
